"""Cleaning a partition: every row is good, a duplicate, or quarantined with its reasons."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from agents.analysis.cleaning.changes import DISCARDED, REPAIRED, WARNED, counted, logged
from agents.analysis.cleaning.keys import losing
from agents.analysis.cleaning.reading import BadRow, Table
from agents.analysis.cleaning.rules import Checked, ContractBroken, Tally, Violation
from agents.analysis.cleaning.series import Series, Times
from agents.analysis.cleaning.spool import Spool
from agents.analysis.cleaning.steps import checked
from agents.analysis.contract import Contract
from agents.runtime import PermanentError
from agents.services.files.outcomes import REFUSES_THE_REST

Corrections = Mapping[int, Mapping[str, Any]]


@dataclass(slots=True)
class CleanResult:
    """The outcome of every row of a chunk; `quarantine` has a record for each bad row, which people can correct.

    `log` has what was changed in good rows, and the rows that others replace.
    """

    good: pd.DataFrame
    quarantine: list[dict[str, Any]]
    deduplicated: int
    rules: Counter[str]
    discarded: Counter[str]
    repaired: Counter[str]
    warned: Counter[str]
    log: pa.Table
    unknown: tuple[str, ...]
    series: Series | None = None


class NoSuchColumn(PermanentError):
    """A file without a required column."""

    def __init__(self, column: str, header: Sequence[str]) -> None:
        super().__init__(column, tuple(header))
        self.column, self.header = column, header

    def __str__(self) -> str:
        columns = ", ".join(self.header)[:200]
        return (
            f"no column {self.column!r}, which is required; the columns are {columns}: "
            "change the contract or the source"
        )


class UnknownLine(PermanentError):
    """A correction of a line without a row in the source."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line

    def __str__(self) -> str:
        return f"line {self.line} was mended, but the source has no row there now: mend it again"


class RestRefused(PermanentError):
    """A correction of a line that stands for all that follows it in the file."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line

    def __str__(self) -> str:
        return (
            f"line {self.line} cannot be mended: nothing is read from there to the end of the file, so "
            "one row cannot replace it: mend the file at its source"
        )


def clean(table: Table, contract: Contract, corrections: Corrections | None = None) -> CleanResult:
    """Clean a partition that is one table; otherwise as `Cleaning`."""
    cleaning = Cleaning(contract, corrections or {})
    with Spool() as spool:
        (result,) = cleaning.results(lambda: [table], spool)
    result.series = cleaning.series
    return result


@dataclass(slots=True)
class Cleaning:
    """Checks every row of a partition by the contract, chunk by chunk; corrected rows replace those of their lines.

    After the first result, `unknown` has the columns that the contract does not have; after the last one, `rows`
    the number of rows that were read, and `times` those of the series.
    """

    contract: Contract
    corrections: Corrections = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    rows: int = 0
    times: Times | None = None

    def results(self, tables: Callable[[], Iterable[Table]], spool: Spool) -> Iterator[CleanResult]:
        """The results of all chunks; those of several chunks are read a second time.

        Raises NoSuchColumn, ContractBroken, TooMany, TooManyDisagree, UnknownLine and RestRefused, all before
        the first result.
        """
        tally, again = Tally(), _Again(tables)
        cells = self._cells(again.first())
        kept, losing_rows = losing(
            checked(cells, self.contract, tally, spool), self.contract, spool
        )
        tally.require()
        self.unknown = tuple(dict.fromkeys(name for chunk in kept for name in chunk.unknown))
        gaps = self.contract.gaps
        self.times = Times(self.contract.time, gaps) if gaps else None
        first = 0
        for chunk, raw in zip(kept, again.second(), strict=True):
            table = self._prepared(raw)
            self.rows += table.rows
            yield self._result(table, chunk, *losing_rows.of(first, chunk.rows))
            first += chunk.rows

    @property
    def series(self) -> Series | None:
        """The gaps, if the contract asks for them."""
        return self.times.series() if self.times else None

    def _cells(self, tables: Iterable[Table]) -> Iterator[tuple[pd.DataFrame, pd.Series]]:
        left = set(self.corrections)
        for raw in tables:
            left -= {*raw.lines, *(one.line for one in raw.bad)} if left else set()
            table = self._prepared(raw)
            yield table.cells, table.lines
        if left:
            raise UnknownLine(min(left))

    def _prepared(self, table: Table) -> Table:
        table = _renamed(table, self.contract)
        _require_columns(table.header, self.contract)
        return _mended(table, self.corrections)

    def _result(
        self, table: Table, chunk: Checked, replaced: pd.DataFrame, contested: pd.Index
    ) -> CleanResult:
        first = pd.Series(pd.NA, table.cells.index, dtype="object")
        for violation in chunk.violations:
            if violation.bad == "discard-row":
                first = first.mask(violation.rows & first.isna(), violation.name)
        first = first.mask(first.index.isin(contested), "key: other values")
        kept = first.isna() & ~first.index.isin(replaced.index)
        bad = first[first.notna()]
        quarantine = [_of_bad_row(one) for one in table.bad]
        quarantine += _of_rows(table, bad, chunk.violations)
        log = logged(table.cells, table.lines, chunk, kept, replaced)
        values = chunk.table
        if self.times is not None:
            self.times.add(values[kept], values[first.notna()])
        return CleanResult(
            values[kept].reset_index(drop=True),
            sorted(quarantine, key=lambda record: record["line"]),
            len(replaced),
            Counter([*bad.tolist(), *(one.rule for one in table.bad)]),
            counted(log, DISCARDED),
            counted(log, REPAIRED),
            counted(log, WARNED),
            log,
            chunk.unknown,
        )


@dataclass(slots=True)
class _Again:
    """Tables that are read twice, except where there is only one."""

    read: Callable[[], Iterable[Table]]
    _count: int = 0
    _single: Table | None = None

    def first(self) -> Iterator[Table]:
        for table in self.read():
            self._count += 1
            self._single = table if self._count == 1 else None
            yield table

    def second(self) -> Iterable[Table]:
        return [self._single] if self._single is not None else self.read()


def _renamed(table: Table, contract: Contract) -> Table:
    """The table with the contract's names of the columns in place of those of the source."""
    names = {column.named: name for name, column in contract.columns.items() if column.named}
    if not names:
        return table
    taken = [name for old, name in names.items() if {old, name} <= {*table.cells.columns}]
    if taken:
        raise ContractBroken(taken[0], "has the name that another column is given", table.rows)
    header = table.header and tuple(names.get(name, name) for name in table.header)
    return replace(table, cells=table.cells.rename(columns=names), header=header)


def _require_columns(header: Sequence[str] | None, contract: Contract) -> None:
    for name, column in contract.columns.items():
        if header is not None and column.required and name not in header:
            raise NoSuchColumn(name, header)


def _mended(table: Table, corrections: Corrections) -> Table:
    """The table with the corrected rows in place of those of their lines."""
    lines = {*table.lines, *(one.line for one in table.bad)} if corrections else set()
    own = {line: row for line, row in corrections.items() if line in lines}
    if not own:
        return table
    for one in table.bad:
        if one.line in own and one.rule in REFUSES_THE_REST:
            raise RestRefused(one.line)
    old = table.lines.isin(own.keys())
    rows = pd.DataFrame(list(own.values()), dtype="object")
    cells = pd.concat([table.cells[~old].astype("object"), rows], ignore_index=True)
    numbers = pd.concat([table.lines[~old], pd.Series(list(own), dtype="int64")], ignore_index=True)
    order = numbers.argsort(kind="stable")
    bad = [one for one in table.bad if one.line not in own]
    cells = cells.iloc[order].reset_index(drop=True)
    return Table(cells, numbers.iloc[order].reset_index(drop=True), bad, table.header)


def _of_bad_row(one: BadRow) -> dict[str, Any]:
    reason = {"column": "", "rule": one.rule, "found": one.reason}
    return {"line": one.line, "reasons": [reason], "raw": one.raw}


def _of_rows(table: Table, bad: pd.Series, violations: Sequence[Violation]) -> list[dict[str, Any]]:
    if bad.empty:
        return []
    reasons: dict[Any, list[dict[str, str]]] = {index: [] for index in bad.index}
    rows = table.cells.loc[bad.index].astype("object")
    rows = rows.where(rows.notna(), None)
    for violation in violations:
        column, among = violation.column, violation.rows.loc[bad.index]
        cells = rows[column] if column in rows else pd.Series(None, bad.index, dtype="object")
        for index, found in zip(bad.index[among], cells[among], strict=True):
            text = "" if found is None else str(found)[:200]
            reasons[index].append({"column": column, "rule": violation.rule, "found": text})
    records, lines = rows.to_dict("records"), table.lines.loc[bad.index]
    return [
        {
            "line": int(line),
            "reasons": reasons[index] or [{"column": "", "rule": name, "found": ""}],
            "row": {str(k): v if v is None else str(v) for k, v in record.items()},
        }
        for index, name, line, record in zip(bad.index, bad, lines, records, strict=True)
    ]

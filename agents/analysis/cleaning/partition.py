"""Cleaning a partition: every row is good, a duplicate, or quarantined with its reasons."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from agents.analysis.cleaning.changes import DISCARDED, REPAIRED, WARNED, counted, logged
from agents.analysis.cleaning.keys import losing
from agents.analysis.cleaning.numbers import strings
from agents.analysis.cleaning.reading import BadRow, Table
from agents.analysis.cleaning.rules import Checked, ContractBroken, Tally, Violation
from agents.analysis.cleaning.series import Series, Times
from agents.analysis.cleaning.spool import IN_MEMORY, Spool
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
        names, first = ["key: other values"], np.full(chunk.rows, -1)
        for violation in chunk.violations:
            if violation.bad == "discard-row":
                first[(first < 0) & violation.rows.to_numpy(dtype=bool)] = len(names)
                names.append(violation.name)
        first[contested] = 0
        kept = first < 0
        kept[replaced.index] = False
        bad = np.flatnonzero(first >= 0)
        rules = [names[number] for number in first[bad]]
        quarantine = [_of_bad_row(one) for one in table.bad]
        quarantine += _of_rows(table, bad, rules, chunk.violations)
        log = logged(table.cells, table.lines, chunk, pd.Series(kept), replaced)
        values = chunk.table
        if self.times is not None:
            self.times.add(values[kept], values.iloc[bad])
        return CleanResult(
            values[kept].reset_index(drop=True),
            sorted(quarantine, key=lambda record: record["line"]),
            len(replaced),
            Counter([*rules, *(one.rule for one in table.bad)]),
            counted(log, DISCARDED),
            counted(log, REPAIRED),
            counted(log, WARNED),
            log,
            chunk.unknown,
        )


@dataclass(slots=True)
class _Again:
    """Tables that are read twice, except where there are few of them."""

    read: Callable[[], Iterable[Table]]
    _count: int = 0
    _held: list[Table] = field(default_factory=list)

    def first(self) -> Iterator[Table]:
        for table in self.read():
            self._count += 1
            self._held = [*self._held, table] if self._count <= IN_MEMORY else []
            yield table

    def second(self) -> Iterable[Table]:
        return self._held or self.read()


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


def _of_rows(
    table: Table, bad: np.ndarray, rules: Sequence[str], violations: Sequence[Violation]
) -> list[dict[str, Any]]:
    """The quarantine's records of the rows at these places; `rules` has the first rule that each breaks."""
    cells = table.cells.iloc[bad]
    columns = {str(name): _texts(cells[name]) for name in cells.columns}
    reasons: list[list[dict[str, str]]] = [[] for _ in bad]
    for one in violations:
        among = np.flatnonzero(one.rows.to_numpy(dtype=bool)[bad])
        found = columns.get(one.column)
        for place in among.tolist():
            text = found[place] if found is not None else None
            reason = {"column": one.column, "rule": one.rule, "found": (text or "")[:200]}
            reasons[place].append(reason)
    rows = zip(*columns.values(), strict=True) if columns else ([] for _ in bad)
    return [
        {
            "line": line,
            "reasons": why or [{"column": "", "rule": rule, "found": ""}],
            "row": dict(zip(columns, row, strict=True)),
        }
        for line, why, rule, row in zip(
            table.lines.iloc[bad].tolist(), reasons, rules, rows, strict=True
        )
    ]


def _texts(cells: pd.Series) -> list[str | None]:
    if pd.api.types.is_string_dtype(cells.dtype) and cells.dtype != object:
        found: list[str | None] = strings(cells).to_pylist()
        return found
    return [None if one is None or one is pd.NA or one != one else str(one) for one in cells]  # noqa: PLR0124 - NaN

"""Cleaning a partition: every row is good, a duplicate, or quarantined with its reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from agents.analysis.cleaning.changes import DISCARDED, REPAIRED, WARNED, counted, logged
from agents.analysis.cleaning.keys import losers
from agents.analysis.cleaning.reading import BadRow, Table
from agents.analysis.cleaning.rules import ContractBroken, Violation, check
from agents.analysis.cleaning.series import Series, gaps_in
from agents.analysis.contract import Contract
from agents.runtime import PermanentError
from agents.services.files.outcomes import REFUSES_THE_REST

Corrections = Mapping[int, Mapping[str, Any]]


@dataclass(slots=True)
class CleanResult:
    """The outcome of every row; `quarantine` has a record for each bad row, which people can correct.

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
    """Check every row by the contract; corrected rows replace those of their lines.

    Raises NoSuchColumn, ContractBroken, UnknownLine and RestRefused.
    """
    table = _renamed(table, contract)
    _require_columns(table.header, contract)
    table = _mended(table, corrections or {})
    checked = check(table.cells, contract)
    rules: Counter[str] = Counter()
    first = pd.Series(pd.NA, table.cells.index, dtype="object")
    for violation in checked.violations:
        if violation.bad == "discard-row":
            first = first.mask(violation.rows & first.isna(), violation.name)
    good = first.isna()
    replaced, conflicts = losers(checked.table[good], contract)
    first = first.mask(first.index.isin(conflicts), "key: other values")
    kept = first.isna() & ~first.index.isin(replaced.index)
    bad = first[first.notna()]
    rules.update(bad.tolist())
    rules.update(one.rule for one in table.bad)
    quarantine = [_of_bad_row(one) for one in table.bad]
    quarantine += _of_rows(table, bad, checked.violations)
    clean_rows = checked.table[kept]
    log = logged(table.cells, table.lines, checked, kept, replaced)
    return CleanResult(
        clean_rows.reset_index(drop=True),
        sorted(quarantine, key=lambda record: record["line"]),
        len(replaced),
        rules,
        counted(log, DISCARDED),
        counted(log, REPAIRED),
        counted(log, WARNED),
        log,
        checked.unknown,
        gaps_in(clean_rows, contract.time, contract.gaps, checked.table[first.notna()])
        if contract.gaps
        else None,
    )


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
    if not corrections:
        return table
    existing = {*table.lines, *(one.line for one in table.bad)}
    if missing := sorted(corrections.keys() - existing):
        raise UnknownLine(missing[0])
    for one in table.bad:
        if one.line in corrections and one.rule in REFUSES_THE_REST:
            raise RestRefused(one.line)
    old = table.lines.isin(corrections.keys())
    rows = pd.DataFrame(list(corrections.values()), dtype="object")
    cells = pd.concat([table.cells[~old].astype("object"), rows], ignore_index=True)
    lines = pd.concat([table.lines[~old], pd.Series(list(corrections), dtype="int64")])
    bad = [one for one in table.bad if one.line not in corrections]
    return Table(cells, lines.reset_index(drop=True), bad, table.header)


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

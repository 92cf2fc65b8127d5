"""A partition made clean: good rows, duplicates, and a quarantine that accounts for every other row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agents.analysis.cleaning.reading import Broken, Table
from agents.analysis.cleaning.rules import Breach, check
from agents.analysis.models import Contract, Gap
from agents.runtime.errors import PermanentError

Corrections = Mapping[int, Mapping[str, Any]]


@dataclass(slots=True)
class Outcome:
    """What became of each row; `quarantine` holds one record a row, ready to be mended."""

    good: pd.DataFrame
    quarantine: list[dict[str, Any]]
    deduplicated: int
    rules: Counter[str]
    discarded: Counter[str]
    unknown: tuple[str, ...]
    gaps: int = 0


class NoSuchColumn(PermanentError):
    """A file without a column that every row must have: not its rows are wrong, all of it is."""

    def __init__(self, column: str, header: Sequence[str]) -> None:
        super().__init__(column, tuple(header))
        self.column, self.header = column, header

    def __str__(self) -> str:
        there = ", ".join(self.header)[:200]
        return (
            f"no column {self.column!r}, which is required; there are {there}: "
            "agree on a new contract or mend the source"
        )


class UnknownLine(PermanentError):
    """A correction for a line that the source does not have (any more)."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line

    def __str__(self) -> str:
        return f"line {self.line} was mended, but the source has no row there: mend it anew"


def clean(table: Table, contract: Contract, corrections: Corrections | None = None) -> Outcome:
    """Judge every row by the contract, mended ones in their mended form.

    Raises NoSuchColumn, ContractBroken and UnknownLine.
    """
    _require_columns(table.header, contract)
    table = _mended(table, corrections or {})
    checked = check(table.cells, contract)
    rules: Counter[str] = Counter()
    first = pd.Series(pd.NA, table.cells.index, dtype="object")
    for breach in checked.breaches:
        if not breach.value_only:
            first = first.mask(breach.rows & first.isna(), breach.name)
    good = first.isna()
    repeated, contrary = _repeated(checked.table[good], contract.key)
    first = first.mask(first.index.isin(contrary), "key: other values")
    kept = first.isna() & ~first.index.isin(repeated)
    bad = first[first.notna()]
    rules.update(bad.tolist())
    rules.update(one.rule for one in table.broken)
    quarantine = [_of_broken(one) for one in table.broken]
    quarantine += _of_rows(table, bad, checked.breaches)
    discarded = Counter(
        {b.name: int((b.rows & kept).sum()) for b in checked.breaches if b.value_only}
    )
    clean_rows = checked.table[kept]
    return Outcome(
        clean_rows.reset_index(drop=True),
        sorted(quarantine, key=lambda record: record["line"]),
        len(repeated),
        rules,
        +discarded,
        checked.unknown,
        _gaps(clean_rows, contract.time, contract.gaps) if contract.gaps else 0,
    )


def _require_columns(header: Sequence[str] | None, contract: Contract) -> None:
    for name, column in contract.columns.items():
        if header is not None and column.required and name not in header:
            raise NoSuchColumn(name, header)


def _mended(table: Table, corrections: Corrections) -> Table:
    """The table with the rows of these lines as people corrected them."""
    if not corrections:
        return table
    there = {*table.lines, *(one.line for one in table.broken)}
    if missing := sorted(corrections.keys() - there):
        raise UnknownLine(missing[0])
    old = table.lines.isin(corrections.keys())
    rows = pd.DataFrame(list(corrections.values()), dtype="object")
    cells = pd.concat([table.cells[~old].astype("object"), rows], ignore_index=True)
    lines = pd.concat([table.lines[~old], pd.Series(list(corrections), dtype="int64")])
    broken = [one for one in table.broken if one.line not in corrections]
    return Table(cells, lines.reset_index(drop=True), broken, table.header)


def _repeated(values: pd.DataFrame, key: Sequence[str]) -> tuple[pd.Index, pd.Index]:
    """Rows that say again what an earlier one said, and rows that contradict it under the same key."""
    again = values.duplicated()
    if not key:
        return values.index[again], values.index[:0]
    contrary = values.duplicated(list(key)) & ~again
    return values.index[again], values.index[contrary]


def _of_broken(one: Broken) -> dict[str, Any]:
    reason = {"column": "", "rule": one.rule, "found": one.reason}
    return {"line": one.line, "reasons": [reason], "raw": one.raw}


def _of_rows(table: Table, bad: pd.Series, breaches: Sequence[Breach]) -> list[dict[str, Any]]:
    if bad.empty:
        return []
    reasons: dict[Any, list[dict[str, str]]] = {index: [] for index in bad.index}
    rows = table.cells.loc[bad.index].astype("object")
    rows = rows.where(rows.notna(), None)
    for breach in breaches:
        column, among = breach.column, breach.rows.loc[bad.index]
        cells = rows[column] if column in rows else pd.Series(None, bad.index, dtype="object")
        for index, found in zip(bad.index[among], cells[among], strict=True):
            told = "" if found is None else str(found)[:200]
            reasons[index].append({"column": column, "rule": breach.rule, "found": told})
    records, lines = rows.to_dict("records"), table.lines.loc[bad.index]
    return [
        {
            "line": int(line),
            "reasons": reasons[index] or [{"column": "", "rule": name, "found": ""}],
            "row": {str(k): v if v is None else str(v) for k, v in record.items()},
        }
        for index, name, line, record in zip(bad.index, bad, lines, records, strict=True)
    ]


def _gaps(values: pd.DataFrame, time: str, gap: Gap) -> int:
    """Times that should be there, between the first and the last of each series, and are not."""
    step = pd.Timedelta(seconds=gap.every)
    groups = values.groupby(list(gap.by), observed=True)[time] if gap.by else [("", values[time])]
    missing = 0
    for _, times in groups:
        there = times.dropna().dt.floor(step).unique()
        if len(there):
            missing += int((there.max() - there.min()) / step) + 1 - len(there)
    return missing

"""The log of what cleaning changed in good rows or left out: each with its line, its rule, before and after."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.cleaning.rules import Checked

SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("kind", pa.string()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("before", pa.string()),
        ("after", pa.string()),
    ]
)
REPAIRED, DISCARDED, WARNED, REPEATED = "repaired", "discarded", "warned", "repeated"


def logged(
    cells: pd.DataFrame,
    lines: pd.Series,
    checked: Checked,
    kept: pd.Series,
    losers: pd.DataFrame,
) -> pa.Table:
    """The log in the order of the lines.

    `kept` marks the good rows. `losers` has, for each row that another one replaces, the line of the one that
    `wins`, and the `rule` by which it does.
    """
    tables = [
        *_of_repairs(checked, kept, lines),
        *_of_violations(cells, checked, kept, lines),
        _of_losers(cells, lines, losers),
    ]
    log = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    return log.sort_by([("line", "ascending"), ("kind", "ascending"), ("column", "ascending")])


def counted(log: pa.Table, kind: str) -> Counter[str]:
    """The entries of this kind by column and rule."""
    some = log.filter(pc.equal(log["kind"], kind))
    pairs = zip(some["column"].to_pylist(), some["rule"].to_pylist(), strict=True)
    return Counter(f"{column}: {rule}".removeprefix(": ") for column, rule in pairs)


def _of_repairs(checked: Checked, kept: pd.Series, lines: pd.Series) -> Iterator[pa.Table]:
    for one in checked.repairs:
        index = one.before.index[kept[one.before.index]]
        before, after = _texts(one.before[index]), _texts(one.after[index])
        named = {"kind": REPAIRED, "column": one.column, "rule": one.rule}
        yield _entries(lines[index], before, after, named)


def _of_violations(
    cells: pd.DataFrame, checked: Checked, kept: pd.Series, lines: pd.Series
) -> Iterator[pa.Table]:
    for one in checked.violations:
        if one.bad == "discard-row":
            continue
        index = one.rows.index[one.rows & kept]
        nothing = pd.Series(None, index, dtype="object")
        before = _texts(cells[one.column][index] if one.column in cells else nothing)
        kind = WARNED if one.bad == "warning" else DISCARDED
        after = before if kind == WARNED else _texts(nothing)
        named = {"kind": kind, "column": one.column, "rule": one.rule}
        yield _entries(lines[index], before, after, named)


def _of_losers(cells: pd.DataFrame, lines: pd.Series, losers: pd.DataFrame) -> pa.Table:
    rows = cells.loc[losers.index].astype("object")
    rows = rows.where(rows.notna(), None)
    before = [orjson.dumps(row, default=str).decode() for row in rows.to_dict("records")]
    after = [f"line {line}" for line in losers["wins"]]
    named: dict[str, str | list[str]] = {
        "kind": REPEATED,
        "column": "",
        "rule": losers["rule"].tolist(),
    }
    return _entries(lines[losers.index], before, after, named)


def _entries(
    lines: pd.Series,
    before: Sequence[str | None],
    after: Sequence[str | None],
    named: Mapping[str, str | list[str]],
) -> pa.Table:
    """Entries of these lines; `named` has the other columns, one value for all or one for each."""
    count = len(lines)
    columns: dict[str, Sequence[Any]] = {"line": lines.tolist(), "before": before, "after": after}
    columns |= {k: [v] * count if isinstance(v, str) else v for k, v in named.items()}
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in SCHEMA}, SCHEMA)


def _texts(values: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]

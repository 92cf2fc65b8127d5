"""The published rows of a source as cells: the mean of a column, or the count of each value, by hour and group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from agents.analysis.contract import Contract
from agents.analysis.steady.declared import Steady

MOST_GROUPS, MOST_VALUES = 500, 12  # those with most rows
MISSING = "\0missing"  # which no value of a text is
TIME, COUNT, SUM, GROUP = "\0time", "\0count", "\0sum", "\0group"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Tables of hours by groups: the mean of a column, how many rows have a value, and how many there are."""

    mean: pd.DataFrame
    known: pd.DataFrame
    rows: pd.DataFrame


def numbers(files: Sequence[Path], contract: Contract, one: Steady, column: str) -> Numbers:
    """The cells of a column of numbers."""
    found = []
    for rows in _read(files, contract, one, column):
        value = rows[column].astype("float64")
        cells = pd.DataFrame({SUM: value, COUNT: value.notna(), GROUP: 1})
        found.append(cells.groupby([rows[TIME], *(rows[name] for name in one.by)]).sum())
    if not found:
        return Numbers(pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    whole = _together(found)
    mean = whole[SUM] / whole[COUNT].where(whole[COUNT] > 0)
    return Numbers(_wide(mean), _wide(whole[COUNT]), _wide(whole[GROUP]))


def shares(
    files: Sequence[Path], contract: Contract, one: Steady, column: str
) -> dict[str, pd.DataFrame]:
    """Tables of hours by groups for each frequent value of a column: its share of the rows."""
    found = []
    for rows in _read(files, contract, one, column):
        value = rows[column].astype("string").fillna(MISSING).rename(column)
        keys = [rows[TIME], *(rows[name] for name in one.by), value]
        found.append(pd.DataFrame({COUNT: 1}, index=rows.index).groupby(keys).sum())
    if not found:
        return {}
    counts = _together(found)[COUNT]
    total = _wide(counts.groupby(level=list(range(counts.index.nlevels - 1))).sum())
    frequent = counts.groupby(level=-1).sum().nlargest(MOST_VALUES).index
    return {"": total} | {
        str(value): _wide(counts.xs(value, level=-1)).reindex_like(total).fillna(0)
        for value in frequent
    }


def _read(
    files: Sequence[Path], contract: Contract, one: Steady, column: str
) -> Iterator[pd.DataFrame]:
    """The rows in blocks, with the hour of each as TIME; a group without a name is none."""
    names = list(dict.fromkeys([contract.time, *one.by, column]))
    since = pd.Timestamp(one.since) if one.since is not None else None
    if since is not None and since.tzinfo is None:
        since = since.tz_localize(contract.columns[contract.time].zone)
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(columns=names):
                rows: pd.DataFrame = batch.to_pandas()
                rows = rows.dropna(subset=[contract.time, *one.by])
                rows = rows if since is None else rows[rows[contract.time] >= since]
                yield rows.assign(**{TIME: rows[contract.time].dt.floor("h")})


def _together(found: Sequence[pd.DataFrame]) -> pd.DataFrame:
    whole = pd.concat(found)
    return whole.groupby(level=list(range(whole.index.nlevels))).sum()


def _wide(cells: pd.Series) -> pd.DataFrame:
    """Hours by groups; the groups with most cells."""
    if cells.index.nlevels == 1:
        return cells.to_frame("")
    table: pd.DataFrame = cells.unstack(level=list(range(1, cells.index.nlevels)))  # noqa: PD010 - of a Series
    return table[table.notna().sum().nlargest(MOST_GROUPS).index]

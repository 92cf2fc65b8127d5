"""The columns of a published source at a glance: what they are, what is missing, and how their values are spread."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from agents.analysis.column import Column
from agents.analysis.contract import Contract

LOOKED_AT = 200_000  # rows of all files together, for what their statistics do not have
BARS, FREQUENT, LONGEST = 16, 3, 24
SHOWN = (0.5, 99.5)  # percentiles at the ends of the bars


class Profile(BaseModel, frozen=True):
    """One column; `bars` are the heights of a histogram from 0 to 1, `shows` what it has."""

    name: str
    kind: str
    missing: str
    shows: str
    bars: tuple[float, ...] = ()
    about: str = ""


def profiles(contract: Contract, files: Sequence[Path]) -> list[Profile]:
    """The profile of each column of the files; none without a row."""
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    if not rows:
        return []
    names = list(dict.fromkeys(name for file in files for name in pq.read_schema(file).names))
    each = max(1, LOOKED_AT // len(files))
    return [_profile(contract, files, name, each) for name in names]


def _profile(contract: Contract, files: Sequence[Path], name: str, each: int) -> Profile:
    column = contract.columns.get(name)
    values = pd.concat([one for file in files for one in _first(file, name, each)])
    lacking = float(values.isna().mean())
    given = values.dropna()
    is_number = column is not None and column.type in {"number", "integer"}
    found = _of_numbers(given, column) if is_number else _of_others(given, column, contract.time)
    kind = f"{column.type}, {column.unit}".removesuffix(", ") if column else "not in the contract"
    about = "; ".join(filter(None, [column.description, column.owner])) if column else ""
    return Profile(name=name, kind=kind, missing=_share(lacking), about=about, **found)


def _first(file: Path, name: str, rows: int) -> Iterator[pd.Series]:
    """The first rows of a file; nothing of a column that it lacks."""
    with pq.ParquetFile(file) as parquet:
        if name not in parquet.schema_arrow.names:
            return
        for batch in parquet.iter_batches(batch_size=min(rows, 65_536), columns=[name]):
            values = batch.column(0)
            if pa.types.is_integer(values.type):  # beside missing ones they would become floats
                yield values.to_pandas(integer_object_nulls=True)[:rows]
            else:
                yield values.to_pandas()[:rows]
            rows -= len(values)
            if rows <= 0:
                return


def _share(share: float) -> str:
    return "none" if not share else "under 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def _of_numbers(given: pd.Series, column: Column | None) -> dict[str, Any]:
    numbers = given.astype("float64")
    if numbers.empty:
        return {"shows": "none"}
    unit = f" {column.unit}" if column is not None and column.unit else ""
    low, middle, high = (_short(x) for x in (numbers.min(), numbers.median(), numbers.max()))
    return {"shows": f"{low} to {high}{unit}, median {middle}{unit}", "bars": _bars(numbers)}


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:,.4g}"


def _bars(numbers: pd.Series) -> tuple[float, ...]:
    """None for a column that has one value alone."""
    low, high = np.percentile(numbers, SHOWN)
    if low == high:
        return ()
    counts, _ = np.histogram(numbers.clip(low, high), bins=min(BARS, numbers.nunique()))
    return tuple(round(float(count / counts.max()), 3) for count in counts)


def _of_others(given: pd.Series, column: Column | None, time: str) -> dict[str, Any]:
    if given.empty:
        return {"shows": "none"}
    if column is not None and column.type == "time":
        first, last = (
            pd.Timestamp(one).tz_convert(column.zone) for one in (given.min(), given.max())
        )
        zone = "" if given.name == time else f" ({column.zone})"
        days = given.astype("int64").astype("float64")
        return {
            "shows": f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}{zone}",
            "bars": _bars(days),
        }
    counts = given.astype("string").value_counts()
    if len(counts) > len(given) / 2:
        return {"shows": f"{len(counts):,} different, such as {str(counts.index[0])[:LONGEST]!r}"}
    some = [
        f"{name[:LONGEST]} {_percent(count / len(given))}"
        for name, count in zip(map(str, counts.index), counts[:FREQUENT], strict=False)
    ]
    more = len(counts) - FREQUENT
    return {"shows": ", ".join(some) + (f", {more:,} others" if more > 0 else "")}


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")

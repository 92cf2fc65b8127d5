"""Cells as values of a contract's types: numbers, times, booleans, text; NA where they are none."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.models import Column

TRUE, FALSE = {"true", "1", "yes", "t"}, {"false", "0", "no", "f"}
LARGEST_EXACT = 2**53
CLOCK = pd.Timestamp("1678-01-01", tz="UTC"), pd.Timestamp("2262-01-01", tz="UTC")
LOCAL = r"^\s*[0-9]{4}(?:-?[0-9]{2}(?:-?[0-9]{2}(?:[T ][0-9:.]+)?)?)?\s*$"
AWARE = r"^\s*[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9:.]+\s*(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)\s*$"
NUMBER = r"^\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*$"


def typed(cells: pd.Series, column: Column) -> pd.Series:
    """The cells in the column's type and unit; what does not fit is NA, as what was missing."""
    match column.type:
        case "number":
            return _numbers(cells) * column.scale
        case "integer":
            numbers = _numbers(cells)
            whole = numbers.where((numbers % 1 == 0) & (numbers.abs() <= LARGEST_EXACT))
            return (whole * column.scale).round().astype("Int64")
        case "time":
            return _times(cells, column.zone)
        case "boolean":
            return _booleans(cells)
        case "text":
            return _texts(cells)


def _numbers(cells: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(cells.dtype):
        return pd.Series(np.nan, index=cells.index)
    plain = cells
    if pd.api.types.is_string_dtype(cells.dtype):
        # As text, not by a try: Python would take 1_000 and 0x10 for numbers as well.
        text = cells.astype("string[pyarrow]")
        plain = text.where(_matches(text, NUMBER))
    numbers = pd.to_numeric(plain, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _times(cells: pd.Series, zone: str) -> pd.Series:
    """In UTC. What no clock of nanoseconds can tell (0001-01-01, 9999-12-31) stands for no time."""
    told = cells.dt.tz_convert("UTC") if _knows_its_zone(cells) else _times_of_text(cells, zone)
    times: pd.Series = told.astype("datetime64[us, UTC]")
    return times.where(times.between(*CLOCK))


def _knows_its_zone(cells: pd.Series) -> bool:
    return isinstance(cells.dtype, pd.DatetimeTZDtype)


def _times_of_text(cells: pd.Series, zone: str) -> pd.Series:
    # By their form first: pandas takes "now" for a time as well, and fails on a mixture.
    text = cells.astype("string[pyarrow]")
    known, bare = text.where(_matches(text, AWARE)), text.where(_matches(text, LOCAL))
    aware = pd.to_datetime(known, errors="coerce", format="ISO8601", utc=True)
    naive = pd.to_datetime(bare, errors="coerce", format="ISO8601")
    local = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    times: pd.Series = aware.fillna(local)
    return times


def _matches(text: pd.Series, pattern: str) -> np.ndarray:
    fits = pc.match_substring_regex(pa.array(text, pa.string()), pattern).fill_null(False)
    return np.asarray(fits.to_numpy(zero_copy_only=False), dtype=bool)


def _booleans(cells: pd.Series) -> pd.Series:
    words = cells.astype("string").str.strip().str.lower()
    values = pd.Series(pd.NA, cells.index, dtype="boolean")
    return values.mask(words.isin(TRUE), True).mask(words.isin(FALSE), False)


def _texts(cells: pd.Series) -> pd.Series:
    return cells.astype("string[pyarrow]").str.strip()

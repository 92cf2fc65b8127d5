"""Cells as values of a contract's types: numbers, times, booleans, text; NA where they are none."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.models import Column

TRUE, FALSE = {"true", "1", "yes", "t"}, {"false", "0", "no", "f"}
LARGEST_EXACT = 2**53
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
        fits = pc.match_substring_regex(pa.array(text, pa.string()), NUMBER).fill_null(False)
        plain = text.where(fits.to_numpy(zero_copy_only=False))
    numbers = pd.to_numeric(plain, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _times(cells: pd.Series, zone: str) -> pd.Series:
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        same: pd.Series = cells.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
        return same
    text = cells.astype("string")
    offset = text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True, na=False)
    aware = pd.to_datetime(text.where(offset), errors="coerce", format="ISO8601", utc=True)
    naive = pd.to_datetime(text.where(~offset), errors="coerce", format="ISO8601")
    local = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    times: pd.Series = aware.fillna(local).astype("datetime64[us, UTC]")
    return times


def _booleans(cells: pd.Series) -> pd.Series:
    words = cells.astype("string").str.strip().str.lower()
    values = pd.Series(pd.NA, cells.index, dtype="boolean")
    return values.mask(words.isin(TRUE), True).mask(words.isin(FALSE), False)


def _texts(cells: pd.Series) -> pd.Series:
    return cells.astype("string[pyarrow]").str.strip()

"""Cells become values of the type of their column; a cell that does not fit has none."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.cleaning.numbers import integers, numbers
from agents.analysis.contract import Column

TRUE, FALSE = {"true", "1", "yes", "t"}, {"false", "0", "no", "f"}
CLOCK = pd.Timestamp("1678-01-01", tz="UTC"), pd.Timestamp("2262-01-01", tz="UTC")
LOCAL = r"^\s*[0-9]{4}(?:-?[0-9]{2}(?:-?[0-9]{2}(?:[T ][0-9:.]+)?)?)?\s*$"
AWARE = r"^\s*[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9:.]+\s*(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)\s*$"


def typed(cells: pd.Series, column: Column) -> pd.Series:
    """The cells in the type and unit of the column; NA for a cell that does not fit, or is missing."""
    match column.type:
        case "number":
            return numbers(cells, column.scale)
        case "integer":
            return integers(cells, column.scale)
        case "time":
            return _times(cells, column.zone)
        case "boolean":
            return _booleans(cells)
        case "text":
            return _texts(cells)


def _times(cells: pd.Series, zone: str) -> pd.Series:
    """Times in UTC; NA for times that nanoseconds cannot represent, such as 0001-01-01."""
    zoned = cells.dt.tz_convert("UTC") if _has_zone(cells) else _times_of_text(cells, zone)
    times: pd.Series = zoned.astype("datetime64[us, UTC]")
    return times.where(times.between(*CLOCK))


def _has_zone(cells: pd.Series) -> bool:
    return isinstance(cells.dtype, pd.DatetimeTZDtype)


def _times_of_text(cells: pd.Series, zone: str) -> pd.Series:
    # By pattern: pandas accepts "now" as a time, and fails on a mixture of formats.
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

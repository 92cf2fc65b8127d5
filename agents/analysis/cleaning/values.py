"""Cells become values of the type of their column; a cell that does not fit has none."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.cleaning.numbers import integers, numbers, strings
from agents.analysis.column import EPOCHS, Column

TRUE, FALSE = {"true", "1", "yes", "t"}, {"false", "0", "no", "f"}
FURTHEST = 9_214_646_400_000_000  # microseconds to 2262
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
            return _times(cells, column)
        case "boolean":
            return _booleans(cells)
        case "text":
            return _texts(cells)


def _times(cells: pd.Series, column: Column) -> pd.Series:
    """Times in UTC; NA for times that nanoseconds cannot represent, such as 0001-01-01."""
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        zoned = cells.dt.tz_convert("UTC")
    elif column.format in EPOCHS:
        zoned = _times_of_numbers(cells, EPOCHS[column.format])
    elif column.format:
        zoned = _times_in_format(cells.astype("string[pyarrow]").str.strip(), column)
    else:
        zoned = _times_of_text(cells, column)
    times: pd.Series = zoned.astype("datetime64[us, UTC]")
    return times.where(times.between(*CLOCK))


def _times_of_numbers(cells: pd.Series, microseconds: float) -> pd.Series:
    """Times since 1970; only whole numbers, but of seconds also parts of one."""
    if microseconds == EPOCHS["epoch-s"]:
        since = (numbers(cells, 1) * microseconds).round()
    else:
        since = integers(cells, 1)
        since = since // 1_000 if microseconds < 1 else since * int(microseconds)
    inside = since.where(since.abs() <= FURTHEST).astype("Int64")
    return pd.to_datetime(inside, unit="us", utc=True)


def _times_in_format(text: pd.Series, column: Column) -> pd.Series:
    if "%z" in column.format:
        return pd.to_datetime(text, errors="coerce", format=column.format, utc=True)
    return _in_utc(pd.to_datetime(text, errors="coerce", format=column.format), column)


def _times_of_text(cells: pd.Series, column: Column) -> pd.Series:
    # By pattern: pandas accepts "now" as a time, and fails on a mixture of formats.
    text = cells.astype("string[pyarrow]")
    with suppress(pa.ArrowInvalid):  # not all of them are times with a zone
        plain = pc.cast(strings(cells), pa.timestamp("us", "UTC"))
        found: pd.Series = plain.to_pandas().set_axis(cells.index)
        return found
    is_aware = matches(text, AWARE)
    times: pd.Series = pd.to_datetime(
        text.where(is_aware), errors="coerce", format="ISO8601", utc=True
    )
    rest = text[~is_aware & text.notna().to_numpy()]
    if len(rest):
        bare = rest.where(matches(rest, LOCAL))
        naive = pd.to_datetime(bare, errors="coerce", format="ISO8601")
        times = times.fillna(_in_utc(naive, column))
    return times


def _in_utc(naive: pd.Series, column: Column) -> pd.Series:
    """Local times of the column's zone; which of two times is meant where clocks change, it says."""
    # The first of two hours stands for both where the order of the rows tells later which one is meant.
    first = np.full(len(naive), column.ambiguous == "earlier" or column.by_order)
    is_refused = column.ambiguous == "refuse" and not column.by_order
    twice: Any = "NaT" if is_refused else first
    if column.skipped == "refuse":
        local = naive.dt.tz_localize(column.zone, ambiguous=twice, nonexistent="NaT")
        times: pd.Series = local.dt.tz_convert("UTC")
        return times
    before, after = (
        naive.dt.tz_localize(column.zone, ambiguous=twice, nonexistent=f"shift_{way}").dt
        for way in ("backward", "forward")
    )
    # A skipped time is later by the offset before the change, and earlier by the one after it.
    chosen = before if column.skipped == "later" else after
    offset = chosen.tz_localize(None) - chosen.tz_convert("UTC").dt.tz_localize(None)
    shifted: pd.Series = (naive - offset).dt.tz_localize("UTC")
    return shifted


def matches(text: pd.Series, pattern: str) -> np.ndarray:
    """Which texts fit the pattern."""
    fits = pc.match_substring_regex(pa.array(text, pa.string()), pattern).fill_null(False)
    return np.asarray(fits.to_numpy(zero_copy_only=False), dtype=bool)


def _booleans(cells: pd.Series) -> pd.Series:
    words = cells.astype("string").str.strip().str.lower()
    values = pd.Series(pd.NA, cells.index, dtype="boolean")
    return values.mask(words.isin(TRUE), True).mask(words.isin(FALSE), False)


def _texts(cells: pd.Series) -> pd.Series:
    return cells.astype("string[pyarrow]").str.strip()


def without_words(cells: pd.Series, words: Sequence[str]) -> pd.Series:
    """The cells without those that stand for no value: blank ones, and those with one of these words.

    A word in quotes is the word as a text, unless it is listed with its quotes.
    """
    if not _has_texts(cells) or not (words or _has_blanks(cells)):
        return cells
    bare = _stripped(cells)
    given = cells.mask(bare.isin(["", *words]))
    if not words or not _has_quotes(cells):
        return given
    is_quoted = bare.map(lambda cell: isinstance(cell, str) and cell[:1] == '"' == cell[-1:])
    inner = bare[is_quoted & given.notna()].str.slice(1, -1)
    texts = inner[inner.str.strip().isin(words)]
    return given.mask(cells.index.isin(texts.index), texts.reindex(cells.index))


def spelt(cells: pd.Series, spellings: Mapping[str, str]) -> pd.Series:
    """The cells with each text replaced for which the contract has another spelling."""
    if not spellings or not _has_texts(cells):
        return cells
    bare = _stripped(cells)
    found = bare.isin(list(spellings))
    return cells.mask(found, bare[found].map(dict(spellings)).reindex(cells.index))


def _stripped(cells: pd.Series) -> pd.Series:
    if pd.api.types.is_string_dtype(cells.dtype):
        return cells.str.strip().astype("object")
    return cells.map(lambda cell: cell.strip() if isinstance(cell, str) else cell)


def _has_blanks(cells: pd.Series) -> bool:
    if cells.dtype == object:
        return any(isinstance(cell, str) and not cell.strip() for cell in cells)
    blank = pc.utf8_is_space(pa.array(cells.astype("string[pyarrow]"), pa.string()))
    return bool(pc.any(blank).as_py())


def _has_quotes(cells: pd.Series) -> bool:
    if cells.dtype == object:
        return any(isinstance(cell, str) and '"' in cell for cell in cells)
    return bool(pc.any(pc.match_substring(strings(cells), '"')).as_py())


def plain_numbers(cells: pd.Series, column: Column) -> pd.Series:
    """Texts such as 1.234,5 as 1234.5, by the marks of the column; what is no number by them is no text."""
    if (column.decimal, column.thousands) == (".", "") or not _has_texts(cells):
        return cells
    is_text = cells.map(lambda cell: isinstance(cell, str)).astype(bool)
    decimal, thousands = re.escape(column.decimal), re.escape(column.thousands)
    groups = rf"|[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+" if thousands else ""
    form = rf"^\s*[+-]?(?:(?:[0-9]+{groups})(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?\s*$"
    text = cells.where(is_text).astype("string[pyarrow]")
    text = text.where(matches(text, form))
    if column.thousands:
        text = text.str.replace(column.thousands, "", regex=False)
    text = text.str.replace(column.decimal, ".", regex=False)
    return text if bool(is_text.all()) else cells.astype("object").mask(is_text, text)


def _has_texts(cells: pd.Series) -> bool:
    return pd.api.types.is_string_dtype(cells.dtype) or cells.dtype == object

"""Numbers in cells: each is the number that the source has, or missing; none becomes another one."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.services.files.exact import SURE_DIGITS, is_exact

NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
SHORT = r"^-?[0-9]{1,18}$"  # an integer that fits 64 bits, whatever its digits are
UNSURE = rf"[0-9](?:\.?[0-9]){{{SURE_DIGITS}}}|[eE]-[0-9]*[0-9]{{3}}"  # many digits, or nearly zero
SIGNIFICANT_BITS = {
    2: 11,
    4: 24,
    8: 53,
}  # of a float by its bytes; a larger one may have been another integer
LOWEST, HIGHEST = -(2**63), 2**63 - 1


def numbers(cells: pd.Series, scale: float) -> pd.Series:
    """The cells as floats times `scale`; missing for a cell that is no finite number."""
    if _has_numbers(cells):
        floats = cells.astype("Float64").to_numpy("float64", na_value=np.nan)
    else:
        floats = _floats(cells).to_numpy(zero_copy_only=False)
    found = pd.Series(floats, cells.index)
    return found.where(np.isfinite(found)) * scale


def inexact(cells: pd.Series) -> pd.Series:
    """Which cells are numbers that a float cannot hold."""
    if pd.api.types.is_float_dtype(cells.dtype):
        return pd.Series(False, cells.index)
    # Most numbers are short: only the others are looked at.
    given = pa.array(cells.astype("string[pyarrow]"), pa.string())
    is_short = pc.and_kleene(
        pc.less_equal(pc.binary_length(given), SURE_DIGITS),
        pc.invert(_has(given, "eE")),
    )
    found = ~np.asarray(pc.fill_null(is_short, True).to_numpy(zero_copy_only=False), dtype=bool)
    if not found.any():
        return pd.Series(found, cells.index)
    texts = _texts(cells[found])
    unsure = pc.fill_null(pc.match_substring_regex(texts, UNSURE), False)
    found[found] = unsure.to_numpy(zero_copy_only=False)
    found[found] = [not is_exact(text) for text in texts.filter(unsure).to_pylist()]
    return pd.Series(found, cells.index)


def integers(cells: pd.Series, scale: float) -> pd.Series:
    """The cells as integers times `scale`; missing for a cell that is no integer of 64 bits then."""
    if pd.api.types.is_float_dtype(cells.dtype):
        kind: Any = cells.dtype
        safe = cells.abs() < 2 ** SIGNIFICANT_BITS[kind.itemsize]
        found = cells.where((cells % 1 == 0) & safe).astype("Int64")
    elif _has_numbers(cells):
        found = cells.where(cells <= HIGHEST).astype("Int64")
    elif (whole := _all_integers(cells)) is not None:
        found = whole
    else:
        found = _integers_of(_texts(cells), cells.index)
    if scale == 1:
        return found
    factor = Fraction(str(scale))
    return pd.Series([_scaled(n, factor) for n in found], cells.index, dtype="Int64")


def _floats(cells: pd.Series) -> pa.Array:
    """The cells as floats; null for a cell that is no number. Most often all are, and no pattern is needed."""
    if pd.api.types.is_string_dtype(cells.dtype):
        try:
            floats = pc.cast(pc.utf8_trim_whitespace(strings(cells)), pa.float64())
        except pa.ArrowInvalid:
            pass
        else:
            if pc.all(pc.is_finite(floats)).as_py() is not False:
                return floats
    return pc.cast(_texts(cells), pa.float64())


def _all_integers(cells: pd.Series) -> pd.Series | None:
    """The cells as integers, if all of them are short and plain ones."""
    if not pd.api.types.is_string_dtype(cells.dtype):
        return None
    texts = pc.utf8_trim_whitespace(strings(cells))
    if pc.any(_has(texts, "xX")).as_py():  # Arrow takes hexadecimal digits too
        return None
    try:
        return _whole(pc.cast(texts, pa.int64()), cells.index)
    except pa.ArrowInvalid:
        return None


def _has(texts: pa.Array, letters: str) -> pa.Array:
    """Which texts have one of two letters; without regard to case Arrow would be ten times slower."""
    first, second = (pc.match_substring(texts, letter) for letter in letters)
    return pc.or_(first, second)


def strings(cells: pd.Series) -> pa.Array:
    """The cells as one array of texts."""
    found = pa.array(cells.astype("string[pyarrow]"), pa.string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _whole(numbers: pa.Array, index: pd.Index) -> pd.Series:
    # Arrow's own way: as an array of numpy, integers beside missing ones would become floats.
    found: pd.Series = numbers.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return found.set_axis(index)


def _has_numbers(cells: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(
        cells.dtype
    )


def _texts(cells: pd.Series) -> pa.Array:
    """The cells that are numbers as text; the others are null, as Python itself takes 1_000 or a boolean."""
    if pd.api.types.is_string_dtype(cells.dtype):
        given = pa.array(cells.astype("string[pyarrow]"), pa.string())
    else:
        known = cells.astype("object").where(cells.notna(), None)
        given = pa.array(
            [None if one is None or isinstance(one, bool) else str(one) for one in known],
            pa.string(),
        )
    texts = pc.utf8_trim_whitespace(given)
    if pc.any(pc.starts_with(texts, "+")).as_py():
        texts = pc.replace_substring_regex(texts, r"^\+", "")
    return pc.if_else(pc.match_substring_regex(texts, NUMBER), texts, None)


def _integers_of(texts: pa.Array, index: pd.Index) -> pd.Series:
    is_short = pc.match_substring_regex(texts, SHORT)
    short = pc.cast(pc.if_else(is_short, texts, None), pa.int64())
    found = _whole(short, index)
    long = pc.fill_null(pc.invert(is_short), False)
    where = long.to_numpy(zero_copy_only=False)
    found[where] = [_integer(text) for text in texts.filter(long).to_pylist()]
    return found


def _integer(text: str) -> int | None:
    """The integer in a text such as 7.0, 1e3 or 9223372036854775807."""
    number = Decimal(text)
    if number.adjusted() > len(str(HIGHEST)) or number != number.to_integral_value():
        return None
    return _fitting(int(number))


def _scaled(number: int | None, factor: Fraction) -> int | None:
    if pd.isna(number):
        return None
    product = number * factor
    return _fitting(product.numerator) if product.denominator == 1 else None


def _fitting(number: int) -> int | None:
    return number if LOWEST <= number <= HIGHEST else None

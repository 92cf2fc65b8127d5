"""The rules of a contract, checked for all rows at once, and the types of its columns."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.cleaning.numbers import inexact, integers, numbers
from agents.analysis.models import Column, Contract, Relation
from agents.runtime import PermanentError

TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation
MIN_FOR_OUTLIERS = 20


class ContractBroken(PermanentError):
    """A frozen column breaks a rule: the partition is refused."""

    def __init__(self, column: str, rule: str, rows: int) -> None:
        super().__init__(column, rule, rows)
        self.column, self.rule, self.rows = column, rule, rows

    def __str__(self) -> str:
        return (
            f"column {self.column!r} breaks rule {self.rule!r} in {self.rows} rows and is frozen: "
            "change the contract or the source"
        )


@dataclass(frozen=True, slots=True)
class Violation:
    """The rows that break one rule of one column; `value_only`: only the value is discarded."""

    column: str
    rule: str
    rows: pd.Series
    value_only: bool = False

    @property
    def name(self) -> str:
        """Its name in counts, such as "price: range"."""
        return f"{self.column}: {self.rule}"


@dataclass(slots=True)
class Checked:
    """Typed values by column, and every violation."""

    table: pd.DataFrame
    violations: list[Violation]
    unknown: tuple[str, ...]


def check(cells: pd.DataFrame, contract: Contract) -> Checked:
    """Check the cells by the contract. Raises ContractBroken."""
    unknown = tuple(name for name in cells.columns if name not in contract.columns)
    if unknown and contract.unknown == "freeze":
        raise ContractBroken(unknown[0], "not in the contract", len(cells))
    values: dict[str, pd.Series] = {}
    violations: list[Violation] = []
    for name, column in contract.columns.items():
        given = cells[name] if name in cells else pd.Series(pd.NA, cells.index, dtype="string")
        values[name] = typed(given, column)
        for rule, rows in _broken(given, values[name], column):
            violation = Violation(name, rule, rows, column.bad == "discard-value")
            if column.bad == "freeze":
                raise ContractBroken(name, rule, int(rows.sum()))
            violations.append(violation)
            if violation.value_only:
                values[name] = values[name].mask(rows)
    violations += [v for r in contract.relations if (v := _relation(values, r)) is not None]
    if contract.unknown == "evolve":
        values |= {name: cells[name].astype("string[pyarrow]") for name in unknown}
    return Checked(pd.DataFrame(values, index=cells.index), violations, unknown)


def _broken(given: pd.Series, value: pd.Series, column: Column) -> Iterator[tuple[str, pd.Series]]:
    """Each rule of the column that some rows break; the later rules pass missing values."""
    outside = _outside(value, column)
    inside = value if outside is None else value.mask(outside)
    rules = {
        "missing": given.isna() if column.required else None,
        "type": given.notna() & value.isna(),
        "precision": inexact(given) if column.type == "number" and not column.rounds else None,
        "range": outside,
        "allowed": value.notna() & ~value.isin(column.one_of) if column.one_of else None,
        **(_of_text(value, column) if column.type == "text" else {}),
        "outlier": _outlying(inside, column.outliers) if column.outliers else None,
    }
    for rule, rows in rules.items():
        if rows is not None and rows.any():
            yield rule, rows.astype(bool)


def _outside(value: pd.Series, column: Column) -> pd.Series | None:
    if column.low is None and column.high is None:
        return None
    low, high = (_bound(one, column.zone) for one in (column.low, column.high))
    if column.type == "integer":  # a float bound would round the values that it is compared with
        low, high = _whole(low, math.ceil), _whole(high, math.floor)
    too_low = value < low if low is not None else pd.Series(False, value.index)
    too_high = value > high if high is not None else pd.Series(False, value.index)
    return (too_low | too_high).fillna(False)


def _bound(bound: float | datetime | None, zone: str) -> Any:
    if not isinstance(bound, datetime):
        return bound
    time = pd.Timestamp(bound)
    return time if time.tzinfo else time.tz_localize(zone)


def _whole(bound: float | None, rounded: Callable[[float], int]) -> float | None:
    return rounded(bound) if bound is not None and math.isfinite(bound) else bound


def _of_text(value: pd.Series, column: Column) -> dict[str, pd.Series | None]:
    matched = value.str.fullmatch(column.pattern) if column.pattern else None
    return {
        "pattern": ~matched.fillna(True).astype(bool) if matched is not None else None,
        "longest": (value.str.len() > column.longest).fillna(False),
        "control": value.str.contains("[\x00-\x08\x0e-\x1f\x7f]", regex=True).fillna(False),
    }


def _outlying(value: pd.Series, limit: float) -> pd.Series | None:
    numbers = value.astype("float64")
    if numbers.notna().sum() < MIN_FOR_OUTLIERS:
        return None
    distance = (numbers - numbers.median()).abs()
    spread = distance.median() * TO_SIGMA
    return (distance > limit * spread).fillna(False) if spread > 0 else None


def _relation(values: dict[str, pd.Series], relation: Relation) -> Violation | None:
    left, right = values[relation.left], values[relation.right]
    agree = {
        "<=": left <= right,
        "<": left < right,
        "==": left == right,
        "!=": left != right,
    }[relation.holds]
    rows = (left.notna() & right.notna() & ~agree.fillna(True).astype(bool)).astype(bool)
    rule = f"{relation.holds} {relation.right}"
    return Violation(relation.left, rule, rows) if rows.any() else None


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

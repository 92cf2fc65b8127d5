"""An expression over the rows of a table: true, false, or unknown where a value is missing (as in SQL).

Numbers are integers while they fit 64 bits. Times and durations are microseconds. A division by zero is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from agents.analysis.expressions import Cell, Kind, Node, Operation, Value

SLACK = 1e-9  # of what is calculated: 0.1 + 0.2 is not 0.3 in binary
MICROSECOND = timedelta(microseconds=1)
COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<=": pc.less_equal,
    ">=": pc.greater_equal,
    "<": pc.less,
    ">": pc.greater,
}


def broken(
    when: Node | None, holds: Node, values: Mapping[str, pd.Series], within: float, now: datetime
) -> np.ndarray:
    """The rows where `when` is true, or not given, and `holds` is false.

    `within` is how far the two sides of a comparison may be apart: numbers, or seconds for times.
    """
    rows = _Rows(values, within, now)
    found = pc.fill_null(pc.invert(rows.of(holds)), False)
    if when is not None:
        found = pc.and_(found, pc.fill_null(_Rows(values, 0.0, now).of(when), False))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


@dataclass(frozen=True, slots=True)
class _Rows:
    values: Mapping[str, pd.Series]
    within: float
    now: datetime

    def of(self, node: Node) -> Any:
        """The value of the node in each row; constants are repeated."""
        match node:
            case Cell():
                return _array(self.values[node.column], node.kind)
            case Value():
                return self._constant(node)
            case Operation(operator="in"):
                known = pa.array([self._plain(part) for part in node.parts[1:]])
                cell = self.of(node.parts[0])
                return pc.if_else(pc.is_valid(cell), pc.is_in(cell, value_set=known), None)
        parts = [self.of(part) for part in node.parts]
        if node.operator in COMPARED:
            return self._compared(node, *parts)
        return APPLIED[node.operator](*parts)

    def _compared(self, node: Operation, left: Any, right: Any) -> Any:
        if node.parts[0].kind in {"text", "boolean"}:
            return COMPARED[node.operator](left, right)
        exact = all(isinstance(part, Cell | Value) for part in node.parts)
        if exact and not self.within:
            return COMPARED[node.operator](left, right)
        left, right = _float(left), _float(right)
        unit = 1 if node.parts[0].kind == "number" else timedelta(seconds=1) / MICROSECOND
        most = pc.max_element_wise(pc.abs(left), pc.abs(right), skip_nulls=False)
        slack = pc.add(
            pc.multiply(most, 0.0 if exact or node.operator in {"<", ">"} else SLACK),
            self.within * unit,
        )
        apart = pc.subtract(left, right)
        match node.operator:
            case "==":
                return pc.less_equal(pc.abs(apart), slack)
            case "!=":
                return pc.greater(pc.abs(apart), slack)
            case "<=" | "<":
                return COMPARED[node.operator](apart, slack)
        return COMPARED[node.operator](apart, pc.negate(slack))

    def _constant(self, node: Value) -> Any:
        rows = len(next(iter(self.values.values())))
        return pa.repeat(pa.scalar(self._plain(node)), rows)

    def _plain(self, node: Node) -> Any:
        assert isinstance(node, Value)
        value = self.now if node.value is None else node.value
        if isinstance(value, datetime):
            return (value - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND
        return value // MICROSECOND if isinstance(value, timedelta) else value


def _array(values: pd.Series, kind: Kind) -> Any:
    found = pa.array(values, from_pandas=True)
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if kind == "time":
        return pc.cast(pc.cast(found, pa.timestamp("us", "UTC")), pa.int64())
    return pc.cast(found, pa.string()) if kind == "text" else found


def _calculated(apply: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if pa.types.is_string(left.type):
        return pc.binary_join_element_wise(left, right, "")
    try:
        return apply(left, right)
    except pa.ArrowInvalid:  # an integer over 64 bits
        return apply(_float(left), _float(right))


def _quotient(left: Any, right: Any) -> Any:
    divisor = _float(right)
    return pc.divide(_float(left), pc.if_else(pc.equal(divisor, 0.0), None, divisor))


def _float(numbers: Any) -> Any:
    return pc.cast(numbers, pa.float64(), safe=False)


APPLIED: dict[str, Callable[..., Any]] = {
    "and": pc.and_kleene,
    "or": pc.or_kleene,
    "not": pc.invert,
    "missing": pc.is_null,
    "present": pc.is_valid,
    "negative": pc.negate,
    "+": partial(_calculated, pc.add_checked),
    "-": partial(_calculated, pc.subtract_checked),
    "*": partial(_calculated, pc.multiply_checked),
    "/": _quotient,
}

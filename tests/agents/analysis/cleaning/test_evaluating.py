"""A row breaks a check only if it is certainly false; what is missing leaves it open."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from agents.analysis.cleaning.evaluating import broken
from agents.analysis.expressions import Kind, parsed

KINDS: dict[str, Kind] = {
    "n": "number", "x": "number", "begun": "time", "ended": "time", "s": "text", "ok": "boolean"
}  # fmt: skip
VALUES = {
    "n": pd.Series([1, 2, None, 2**62], dtype="Int64"),
    "x": pd.Series([0.1, None, 3.0, 4.0]),
    "begun": pd.to_datetime(pd.Series(["2024-01-01"] * 4), utc=True),
    "ended": pd.to_datetime(pd.Series(["2024-01-02", None, "2023-01-01", "2024-03-01"]), utc=True),
    "s": pd.Series(["x", "y", None, "z"], dtype="string[pyarrow]"),
    "ok": pd.Series([True, False, None, True], dtype="boolean"),
}
NOW = datetime(2024, 2, 1, tzinfo=UTC)


def rows(holds: str, when: str = "", within: float = 0.0) -> list[int]:
    condition = parsed(when, KINDS) if when else None
    return broken(condition, parsed(holds, KINDS), VALUES, within, NOW).nonzero()[0].tolist()


@pytest.mark.parametrize(
    "holds,false",
    [
        ("ended >= begun", [2]),
        ("ended - begun <= 30d", [3]),
        ("ended <= now", [3]),
        ("ended >= now - 60d", [2]),
        ("ended < '2024-01-02'", [0, 3]),
        ("n * 4 > 0", []),  # the last one is over 64 bits, and no negative number
        ("n / (n - 1) > 0", []),  # a division by zero says nothing
        ("n - 1 < 1", [1, 3]),
        ("x * 3 == 0.3", [2, 3]),  # though 0.1 * 3 is not 0.3 in binary
        ("s in ['x', 'y']", [3]),
        ("s not in ['x']", [0]),
        ("s is present", [2]),
        ("s + '-' + s == 'x-x'", [1, 3]),
        ("s == 'x' or x is missing", [3]),
        ("not ok", [0, 3]),
        ("ok == true", [1]),
    ],
)
def test_the_rows_of_which_it_is_false(holds: str, false: list[int]) -> None:
    assert rows(holds) == false


def test_long_integers_are_compared_as_they_are() -> None:
    values = {"n": pd.Series([2**53 + 1], dtype="Int64"), "m": pd.Series([2**53], dtype="Int64")}
    node = parsed("n == m", {"n": "number", "m": "number"})
    assert broken(None, node, values, 0.0, NOW).tolist() == [True]


def test_a_condition_that_is_unknown_asks_nothing() -> None:
    assert rows("s == 'q'", when="ok") == [0, 3]
    assert rows("s == 'q'", when="x > 1") == [3]


@pytest.mark.parametrize(
    "holds,within,false",
    [
        ("n == x", 0.9, [3]),
        ("n == x", 0.8, [0, 3]),
        ("n <= x", 0.9, [3]),
        ("x >= n", 0.8, [0, 3]),
        ("n != x", 0.9, [0]),
        ("ended == begun", 86_400, [2, 3]),
        ("ended == begun", 86_399, [0, 2, 3]),
    ],
)
def test_how_far_the_sides_may_be_apart(holds: str, within: float, false: list[int]) -> None:
    assert rows(holds, within=within) == false

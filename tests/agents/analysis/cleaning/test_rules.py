"""A cell that is not of its column's type is missing, even if Python or pandas would convert it."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.analysis.cleaning.rules import ContractBroken, TooMany
from agents.analysis.cleaning.steps import check
from agents.analysis.cleaning.values import typed
from agents.analysis.column import Column
from agents.analysis.contract import Contract

BERLIN = Column(type="time", zone="Europe/Berlin")


def value(cell: str, column: Column) -> object:
    (found,) = typed(pd.Series([cell], dtype="string"), column)
    return None if pd.isna(found) else found


@pytest.mark.parametrize(
    "cell,hour",
    [
        ("2024-06-01 12:00", 10),
        (" 2024-06-01 12:00 ", 10),
        ("2024-06-01T12:00+02:00", 10),
        ("2024-06-01 12:00:00.000+02", 10),  # as PostgreSQL writes it
        ("20240601T120000Z", 12),
        ("2024-06-01T12:00Z ", 12),
    ],
)
def test_a_time_without_a_zone_has_the_zone_of_its_column(cell: str, hour: int) -> None:
    assert value(cell, BERLIN) == datetime(2024, 6, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "now",
        "today",
        "01.06.2024",
        "1717243200",
        "2024-13-01",
        "2024-06-01T12:00+99",
        "2024-06-01+02:00",
        "2024-06-01T12:00 CEST",
        "2024-06-01T12:00, or so",
        "2024-10-27 02:30",  # twice that day
        "2024-03-31 02:30",  # not at all
        "0001-01-01",
        "9999-12-31 23:59",
        "9999-12-31T23:59:00Z",
    ],
)
def test_cells_that_are_no_times(cell: str) -> None:
    assert value(cell, BERLIN) is None


@given(st.text("0123456789-+:T Z.,az", max_size=30) | st.datetimes().map(str) | st.text())
def test_every_cell_is_a_time_or_missing(cell: str) -> None:
    both = pd.Series([cell, "2024-06-01T12:00+02:00", "2024-06-01 12:00"], dtype="string")
    assert typed(both, BERLIN).notna().tolist()[1:] == [True, True]


def test_times_of_a_parquet_file_follow_the_same_rules() -> None:
    cells = pd.Series(pd.to_datetime(["2024-06-01", "9999-12-31"], utc=True).as_unit("us"))
    assert typed(cells, BERLIN).isna().tolist() == [False, True]


@pytest.mark.parametrize("cell", ["1,5", "1_0", "0x10", "٣", "inf", "nan", "1e309", "1 000", "."])
def test_cells_that_are_no_numbers(cell: str) -> None:
    assert value(cell, Column(type="number")) is None
    assert value(cell, Column(type="integer")) is None


def test_times_have_bounds() -> None:
    column = BERLIN.model_copy(update={"low": datetime(2024, 1, 1), "high": datetime(2024, 1, 2)})  # noqa: DTZ001 - the column's zone is meant
    contract = Contract(name="x", time="at", columns={"at": column})
    cells = ["2023-12-31 23:59", "2024-01-01 00:00", "2024-01-02 00:00", "2024-01-02 00:01"]
    (violation,) = check(
        pd.DataFrame({"at": pd.Series(cells, dtype="string")}), contract
    ).violations
    assert (violation.rule, violation.rows.tolist()) == ("range", [True, False, False, True])


def test_bounds_survive_the_journal() -> None:
    column = Column.model_validate({"type": "time", "low": "2024-01-31"})
    assert Column.model_validate_json(column.model_dump_json()) == column
    assert Column.model_validate({"type": "number", "low": 2013}).low == 2013


@pytest.mark.parametrize(
    "kind,bound", [("time", 5), ("number", "2024-01-31"), ("text", "2024-01-31")]
)
def test_bounds_must_fit_the_type_of_the_column(kind: str, bound: object) -> None:
    with pytest.raises(ValidationError, match="low and high must be times for a column of times"):
        Column.model_validate({"type": kind, "high": bound})


def test_outliers_are_those_of_their_group() -> None:
    body = {
        "name": "x",
        "columns": {
            "site": {"type": "text"},
            "n": {"type": "number", "outliers": 8, "outliers_by": ["site"], "bad": "discard-value"},
        },
    }
    usual = [("a", str(n % 5)) for n in range(40)] + [("b", str(100 + n % 5)) for n in range(40)]
    cells = [*usual, ("a", "102"), ("b", "2"), ("c", "5000"), (None, "5000")]
    frame = pd.DataFrame(cells, columns=["site", "n"], dtype="string")
    outcome = check(frame, Contract.model_validate(body))
    (violation,) = outcome.violations
    assert violation.name == "n: outlier by site"
    assert violation.rows.to_numpy().nonzero()[0].tolist() == [80, 81]  # c and nowhere are too few
    assert outcome.table["n"].isna().sum() == 2


@pytest.mark.parametrize(
    "column,checks,error",
    [
        ({"mostly": 0.8}, [], "2 of 5 rows break 'n', more than the contract tolerates (mostly: 0.8)"),
        ({"mostly": 0.6}, [], ""),
        ({}, [{"holds": "n < 4", "bad": "freeze"}], "the table breaks rule 'n < 4' in 1 rows"),
        ({}, [{"holds": "n < 4", "mostly": 0.9}], "1 of 5 rows break 'n < 4'"),
        ({}, [{"holds": "n < 4", "severity": "warning"}], ""),
    ],
)  # fmt: skip
def test_how_much_is_tolerated(column: dict[str, Any], checks: list[Any], error: str) -> None:
    columns = {"n": {"type": "integer"} | column}
    contract = Contract.model_validate({"name": "x", "columns": columns, "checks": checks})
    cells = pd.DataFrame({"n": pd.Series(["1", "2", "4", "x", "y"], dtype="string")})
    if not error:
        check(cells, contract)
        return
    with pytest.raises((ContractBroken, TooMany)) as refused:
        check(cells, contract)
    assert str(refused.value).startswith(error)


@pytest.mark.parametrize("by,rows", [(["site"], [3]), ([], [1, 3, 4])])
def test_rows_out_of_order_are_warned_of(by: list[str], rows: list[int]) -> None:
    body = {
        "name": "x", "time": "at", "in_order": True, "gaps": {"every": 60, "by": by},
        "columns": {"at": {"type": "time"}, "site": {"type": "text"}},
    }  # fmt: skip
    cells = [("05", "a"), ("01", "b"), ("07", "a"), ("06", "a"), ("02", "b"), (None, "a")]
    frame = pd.DataFrame([(day and f"2024-01-{day}", s) for day, s in cells], dtype="string")
    outcome = check(frame.set_axis(["at", "site"], axis=1), Contract.model_validate(body))
    (violation,) = outcome.violations
    assert (violation.name, violation.bad) == ("at: out of order", "warning")
    assert violation.rows.to_numpy().nonzero()[0].tolist() == rows

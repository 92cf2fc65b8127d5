"""Cells as values: what is no value of the type is none, whatever Python or pandas would make of it."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.analysis.cleaning.rules import check, typed
from agents.analysis.models import Column, Contract

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
def test_a_time_without_a_zone_is_of_the_columns(cell: str, hour: int) -> None:
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
def test_what_is_no_time(cell: str) -> None:
    assert value(cell, BERLIN) is None


@given(st.text("0123456789-+:T Z.,az", max_size=30) | st.datetimes().map(str) | st.text())
def test_no_cell_is_more_than_a_time_or_none(cell: str) -> None:
    both = pd.Series([cell, "2024-06-01T12:00+02:00", "2024-06-01 12:00"], dtype="string")
    assert typed(both, BERLIN).notna().tolist()[1:] == [True, True]


def test_times_of_a_parquet_file_are_held_to_the_same() -> None:
    cells = pd.Series(pd.to_datetime(["2024-06-01", "9999-12-31"], utc=True).as_unit("us"))
    assert typed(cells, BERLIN).isna().tolist() == [False, True]


@pytest.mark.parametrize("cell", ["1,5", "1_0", "0x10", "٣", "inf", "nan", "1e309", "1 000", "."])
def test_what_is_no_number(cell: str) -> None:
    assert value(cell, Column(type="number")) is None
    assert value(cell, Column(type="integer")) is None


def test_times_have_bounds_too() -> None:
    column = BERLIN.model_copy(update={"low": datetime(2024, 1, 1), "high": datetime(2024, 1, 2)})  # noqa: DTZ001 - the column's zone is meant
    contract = Contract(name="x", time="at", columns={"at": column})
    cells = ["2023-12-31 23:59", "2024-01-01 00:00", "2024-01-02 00:00", "2024-01-02 00:01"]
    (breach,) = check(pd.DataFrame({"at": pd.Series(cells, dtype="string")}), contract).breaches
    assert (breach.rule, breach.rows.tolist()) == ("range", [True, False, False, True])


def test_bounds_come_back_from_the_journal_as_they_were() -> None:
    column = Column.model_validate({"type": "time", "low": "2024-01-31"})
    assert Column.model_validate_json(column.model_dump_json()) == column
    assert Column.model_validate({"type": "number", "low": 2013}).low == 2013


@pytest.mark.parametrize(
    "kind,bound", [("time", 5), ("number", "2024-01-31"), ("text", "2024-01-31")]
)
def test_bounds_are_of_the_columns_kind(kind: str, bound: object) -> None:
    with pytest.raises(ValidationError, match="low and high are times for a time"):
        Column.model_validate({"type": kind, "high": bound})

"""A column that contradicts itself is refused when the contract is loaded."""

from typing import Any

import pytest
from pydantic import ValidationError

from agents.analysis.column import Column


@pytest.mark.parametrize(
    "declared,problem",
    [
        ({"type": "number", "low": 5, "high": 1}, "low: 5 is higher than high, 1"),
        ({"type": "time", "low": "2024-02-01", "high": "2024-01-01T00:00:00Z"}, "is higher than high"),
        ({"type": "text", "low": 1}, "say nothing about a column of the type text"),
        ({"type": "number", "pattern": "[0-9]+"}, "pattern is for a column of the type text, not number"),
        ({"type": "text", "pattern": "[0-9"}, "is no regular expression: unterminated character set"),
        ({"type": "text", "pattern": "[A-Z]", "one_of": ["A", "b"]}, "one_of: 'b' does not fit the pattern"),
        ({"type": "time", "zone": "Europe/Berln"}, "zone: 'Europe/Berln' is none"),
        ({"type": "text", "zone": "Europe/Berlin"}, "zone is for a column of the type time"),
        ({"type": "text", "outliers": 3}, "outliers is for a column of the type number or integer"),
        ({"type": "time", "format": "%d.%m"}, "lacks the year, the month or the day"),
        ({"type": "time", "format": "%Q"}, "format: '%Q' is none"),
        ({"type": "number", "decimal": ",", "thousands": ","}, "decimal and thousands are both ','"),
        ({"type": "text", "one_of": [False]}, "YAML reads NO, no, off, yes and on as false"),
        ({"type": "text", "one_of": [1234]}, "one_of: YAML reads 1234 as a number"),
        ({"type": "text", "missing": [True]}, "as true: write it in quotes"),
        ({"type": "integer", "one_of": [1, 2.5]}, "one_of: '2.5' is no integer"),
        ({"type": "time", "ambiguous": "later", "by_order": True}, "by_order and ambiguous: later contradict"),
        ({"type": "boolean", "one_of": ["true"]}, "one_of is for a column of the type text or number"),
    ],
)  # fmt: skip
def test_a_contradiction(declared: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as found:
        Column.model_validate(declared)
    assert problem in str(found.value)


@pytest.mark.parametrize(
    "declared",
    [
        {"type": "integer", "one_of": [1, 2]},
        {"type": "number", "one_of": [0.5, 1]},
        {"type": "time", "format": "%d/%m/%Y", "low": "2024-01-31"},
        {"type": "text", "missing": "NA", "spellings": {"NYC": "New York"}},
    ],
)
def test_what_is_good_survives_the_journal(declared: dict[str, Any]) -> None:
    column = Column.model_validate(declared)
    assert Column.model_validate_json(column.model_dump_json()) == column

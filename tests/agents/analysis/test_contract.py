"""Mistakes between the parts of a contract are found when it is loaded."""

from typing import Any

import pytest
from pydantic import ValidationError

from agents.analysis.contract import Contract

COLUMNS = {"at": {"type": "time", "required": True}, "n": {"type": "number"}, "s": {"type": "text"}}


def contract(**more: Any) -> Contract:
    return Contract.model_validate({"name": "x", "time": "at", "columns": COLUMNS} | more)


@pytest.mark.parametrize(
    "more,problem",
    [
        ({"checks": ["n > s"]}, "a number cannot be compared with a text, at character 6 of 'n > s'"),
        ({"checks": [{"when": "m == 1", "then": "n > 0"}]}, "column 'm' is not declared, at character 1"),
        ({"relations": [{"left": "n", "holds": "<", "right": "s"}]}, "a number cannot be compared"),
        ({"dependencies": [{"by": "s", "same": "m"}]}, "does not declare: m"),
        ({"time": "", "gaps": {"every": 60}}, "gaps: there is no time; name its column"),
        ({"key": ["n", "n"]}, "key: twice the same name: n"),
        ({"header": ["n", "s"]}, "header: lacks columns that are required: at"),
        ({"header": ["at", "n", "n"]}, "header: twice the same name: n"),
        ({"encoding": "utf-9"}, "encoding: 'utf-9' is none"),
        ({"columns": COLUMNS | {"m": {"type": "text", "named": "n"}}}, "columns: twice the same name: n"),
        ({"columns": COLUMNS | {"n": {"type": "number", "low": "now - 3d"}}}, "cannot be compared with a time"),
    ],
)  # fmt: skip
def test_a_mistake(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as found:
        contract(**more)
    assert problem in str(found.value)


def test_bounds_from_now_are_checks() -> None:
    given = contract(columns=COLUMNS | {"at": {"type": "time", "low": "now - 30d", "high": "now"}})
    assert [check.holds for check in given.checks] == ["at >= now - 30d", "at <= now"]
    assert given.columns["at"].low is None
    assert Contract.model_validate_json(given.model_dump_json()) == given

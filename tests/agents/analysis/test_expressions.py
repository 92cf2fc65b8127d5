"""An expression of a contract says what its text says, and a mistake in it has its place."""

import pytest

from agents.analysis.expressions import BadExpression, Kind, Operation, columns_of, parsed, quoted

COLUMNS: dict[str, Kind] = {
    "a": "number", "b": "number", "begun": "time", "ended": "time", "s": "text", "ok": "boolean",
    "Sales (EUR)": "number", "a.b": "number",
}  # fmt: skip


@pytest.mark.parametrize(
    "text,problem,place",
    [
        ("a == prise", "column 'prise' is not declared", 6),
        ("a + s > 1", "a number + a text is not defined", 7),
        ("a * b", "is a number, and nothing that is true or false", 1),
        ("a ==", "a column or a constant is missing", 5),
        ("a < b < 3", "compare two things at a time", 7),
        ("s == 3", "a text cannot be compared with a number", 7),
        ("begun >= 'tomorrow'", "'tomorrow' is no time such as 2024-01-31", 20),
        ("begun + ended > now", "a time + a time is not defined", 15),
        ("ended - begun < 3", "a duration cannot be compared with a number", 18),
        ("a == 1)", "')' does not belong here", 7),
        ("a and ok", "'and' takes what is true or false, not a number", 9),
        ("-s == 'x'", "a text has no sign", 4),
        ("a in [1, 'x']", "a list for a number has constants of that kind", 13),
        ("s in ['x'", "] is missing", 10),
        ("s is empty", "missing or present is missing", 6),
        ("a # b", "cannot be read", 2),
        ("__import__('os').system('id')", "cannot be read", 17),
        ("exec('a')", "column 'exec' is not declared", 1),
        ("(" * 60 + "a" + ")" * 60, "is nested too deeply", 52),
        ("a == 1" + " " * 1_000, "has more than 1,000 characters", 1_000),
        ("", "a column or a constant is missing", 1),
    ],
)
def test_a_mistake_has_its_place(text: str, problem: str, place: int) -> None:
    with pytest.raises(BadExpression) as found:
        parsed(text, COLUMNS)
    assert found.value.problem.startswith(problem)
    assert found.value.place == place


def test_columns_may_have_any_name() -> None:
    node = parsed(f"{quoted('Sales (EUR)')} >= {quoted('a.b')} and {quoted('a')} > a.b", COLUMNS)
    assert columns_of(node) == ("Sales (EUR)", "a.b", "a")
    assert quoted("missing") == "`missing`"


@pytest.mark.parametrize(
    "text,same",
    [
        ("a + b * 2 > 1", "(a + (b * 2)) > 1"),
        ("a - b - 1 > 0", "((a - b) - 1) > 0"),
        ("ok or ok and not ok", "ok or (ok and (not ok))"),
        ("-a * b < 0", "(-a) * b < 0"),
        ("s not in ['x']", "not (s in ['x'])"),
    ],
)
def test_what_binds_tighter(text: str, same: str) -> None:
    assert parsed(text, COLUMNS) == parsed(same, COLUMNS)


def test_what_is_calculated_has_a_kind() -> None:
    node = parsed("(ended - begun) / 2 <= 30d * 2", COLUMNS)
    assert isinstance(node, Operation)
    assert [part.kind for part in node.parts] == ["duration", "duration"]

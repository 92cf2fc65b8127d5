"""An act that the state does not allow leads to those that it allows."""

import pytest

from agents.runtime.model.lifecycle import State
from flows.cli.next_steps import command_lines, instead, possible


def test_commands_are_those_that_the_state_allows() -> None:
    assert possible(State.DEAD_LETTERED) == ["replay", "mend", "restart", "cancel", "discard"]
    assert possible(State.WAITING) == ["approve", "reject", "edit", "restart", "cancel"]
    assert possible(State.COMPENSATING, waits=False, failed=False) == []
    assert possible(State.COMPENSATING, waits=False) == ["replay", "discard"]
    assert possible(State.COMPLETED) == []


def test_a_command_is_a_line_to_copy() -> None:
    [line] = command_lines(["mend"], "invoices", "a b")
    assert line == (
        "uv run python -m flows.operations mend 'a b' --scenario invoices "
        "--set FIELD=VALUE --by YOU --reason WHY"
    )


@pytest.mark.parametrize(
    "state,words",
    [
        ("completed", "it is completed, so nothing is left to do"),
        ("cancelled", "it has ended and was undone; submit it again under a new key"),
        ("dead_lettered", "it allows: replay, mend, restart, cancel, discard"),
        ("processing, held by host-1", "it allows: cancel"),
    ],
)
def test_what_to_do_instead(state: str, words: str) -> None:
    assert instead(state, "orders", "A-1") == (
        f"{words}; its history: uv run python -m flows.operations show A-1"
    )

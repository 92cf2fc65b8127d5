"""What an operator can do to an item in its state, as commands to copy."""

import shlex
from collections.abc import Iterator

from agents.runtime.model.lifecycle import ENDED, TRANSITIONS, Event, State

OPERATIONS = "uv run python -m flows.operations"
COMMANDS = {
    Event.DECIDE: ("approve", "reject"),
    Event.REPLAY: ("replay",),
    Event.MEND: ("mend",),
    Event.EDIT: ("edit",),
    Event.RESTART: ("restart",),
    Event.CANCEL: ("cancel",),
    Event.DISCARD: ("discard",),
    Event.MOVE: ("move",),
}
OPTIONS = {
    "mend": "--set FIELD=VALUE",
    "edit": "--set FIELD=VALUE",
    "restart": "--at AGENT",
    "move": "--to front",
}
ASKED = {Event.DECIDE}  # possible only while the item waits for a person
FAILED = {Event.REPLAY, Event.DISCARD}  # while it is compensated: only if that has failed


def possible(state: State, *, waits: bool = True, failed: bool = True) -> list[str]:
    """The commands that the state allows.

    Args:
        state: The state of the item.
        waits: Whether the item waits for a person.
        failed: Whether the item has an open dead letter.

    """
    allowed = [event for event in COMMANDS if (state, event) in TRANSITIONS]
    if not waits:
        allowed = [event for event in allowed if event not in ASKED]
    if not waits and state is State.WAITING:  # for other items
        allowed = [event for event in allowed if event not in {Event.EDIT, Event.RESTART}]
    if waits and state is State.WAITING:
        allowed = [event for event in allowed if event is not Event.MOVE]
    if not failed:
        allowed = [event for event in allowed if event not in FAILED]
    return [name for event in allowed for name in COMMANDS[event]]


def command_lines(names: list[str], scenario: str, key: str) -> Iterator[str]:
    """The commands for this item, each as a line to copy; capitals stand for what to fill in."""
    for name in names:
        option = f" {OPTIONS[name]}" if name in OPTIONS else ""
        which = "" if scenario == "orders" else f" --scenario {scenario}"
        yield f"{OPERATIONS} {name} {shlex.quote(key)}{which}{option} --by YOU --reason WHY"


def skip_line(state: State, key: str) -> Iterator[str]:
    """The command that skips a task, if its state allows it."""
    if (state, Event.SKIP) in TRANSITIONS:
        yield f"{OPERATIONS} skip {shlex.quote(key)} --by YOU --reason WHY"


def show_line(scenario: str, key: str) -> str:
    """The command that shows the item's history."""
    which = "" if scenario == "orders" else f" --scenario {scenario}"
    return f"{OPERATIONS} show {shlex.quote(key)}{which}"


def instead(state: str, scenario: str, key: str) -> str:
    """What to do instead of something that the state does not allow.

    Args:
        state: The item's state, and after a comma what an error adds to it.
        scenario: Scenario of the item.
        key: Key of the item.

    """
    now = State(state.partition(",")[0])
    names = possible(now)
    if names:
        words = f"it allows: {', '.join(names)}"
    elif now is State.COMPLETED:
        words = "it is completed, so nothing is left to do"
    elif now in ENDED:
        words = "it has ended and was undone; submit it again under a new key"
    else:
        words = "a process works on it; wait for its end, or run `recover` if the process is dead"
    return f"{words}; its history: {show_line(scenario, key)}"

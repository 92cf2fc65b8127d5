"""Hand over: a conversation waits for a person, with what was said, until somebody closes it."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from agents.runtime.errors import Parked
from agents.runtime.execution.decorator import agent
from agents.runtime.model.item import Decision, Item
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.support.models import Frozen, Task

TIME_LIMIT = timedelta(days=1)


class Line(Frozen):
    """What was said in one turn, by the user and by us."""

    said: str
    answered: str


class Handover(Frozen):
    """A conversation for a person to take up: why, what it is about, and what was said."""

    conversation: str
    turn: str
    user: str
    reason: str
    summary: str
    task: Task | None = None
    transcript: Annotated[tuple[Line, ...], Field(max_length=50)] = ()


class Closed(Frozen):
    """A person has answered; `note` is what the user is told."""

    by: str
    note: str


def _outcome(item: Item) -> str:
    return "closed" if item.fact(Closed) else "nobody came"


HANDOVERS = Scenario(
    name="handovers",
    version="1",
    payload=Handover,
    outcome=_outcome,
    deadline=lambda _: TIME_LIMIT,
)


@agent(PURE)
def await_person(handover: Handover, decision: Decision | None) -> Closed:
    """Park it until somebody approves, which closes it and hands the conversation back."""
    if decision is None:
        raise Parked(f"conversation {handover.conversation}: {handover.reason}")
    return Closed(by=decision.by, note=decision.reason)

"""Hand over: a conversation waits for a person, with its transcript, until a person closes it."""

from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from agents.runtime import PURE, Decision, Item, Parked, Scenario, agent
from agents.support.models import Frozen, Task

TIME_LIMIT = timedelta(days=1)
EXAMPLE: JsonValue = {
    "conversation": "chat-7",
    "turn": "chat-7#000004",
    "user": "C-1042",
    "reason": "the customer asked for a person",
    "summary": "Order W1763367 has not arrived.",
    "transcript": [{"said": "I want a person.", "answered": "A colleague takes over."}],
}


class Line(Frozen):
    """One turn of the transcript: what the user said, and the answer."""

    said: str
    answered: str


class Handover(Frozen):
    """A work item: a conversation for a person, with the reason, a summary and the transcript."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    conversation: str
    turn: str
    user: str
    reason: str
    summary: str
    task: Task | None = None
    transcript: Annotated[tuple[Line, ...], Field(max_length=50)] = ()


class Closed(Frozen):
    """A person has closed the hand-over; the next answer to the user quotes the `note`."""

    by: str
    note: str


def _outcome(item: Item) -> str:
    return "closed" if item.fact(Closed) else "nobody came"


HANDOVERS = Scenario(
    name="handovers",
    version="1.1",
    payload=Handover,
    outcome=_outcome,
    deadline=lambda _: TIME_LIMIT,
)


@agent(PURE)
def await_person(handover: Handover, decision: Decision | None) -> Closed:
    """Wait until a person approves the item, which gives the conversation back. Raises Parked."""
    if decision is None:
        raise Parked(f"conversation {handover.conversation}: {handover.reason}")
    return Closed(by=decision.by, note=decision.reason)

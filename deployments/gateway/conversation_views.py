"""A conversation as its user and operators see it: who wrote what, and who answers now."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer
from sqlalchemy import Row

from agents.runtime.journal import Journal
from agents.runtime.journal import conversations as stored
from agents.runtime.journal.queries import named, outcomes_of
from agents.runtime.model.lifecycle import ENDED, State
from agents.support.handover import HANDOVERS
from agents.support.models import Replied, Turn, key_of
from agents.support.reply_turn import reply_turn
from agents.support.scenario import TURNS

Moment = Annotated[
    float,
    PlainSerializer(
        lambda at: datetime.fromtimestamp(at, UTC), return_type=datetime, when_used="json"
    ),
]
"""Seconds since 1970; in JSON a time as of RFC 3339."""


SHOWN_TURNS = 200  # of a transcript


class Line(BaseModel):
    """What one side has written: the customer, the agent, or a person of our staff with a name."""

    number: int = Field(description="the turn that it belongs to, from 1")
    by: Literal["customer", "agent", "person"]
    name: str = Field("", description="of the person")
    text: str
    citations: list[str] = Field([], description="the documents that the answer rests on")
    at: Moment


class TurnView(BaseModel):
    """One turn: `waiting` until it is answered; `silent` if a person answers instead of the agent."""

    conversation: str
    number: int
    state: Literal["waiting", "answered", "silent", "failed"]
    reply: str = ""
    citations: list[str] = []


class Handling(BaseModel):
    """Who answers now: the agent, a person of our staff, or nobody before a person comes."""

    by: Literal["agent", "person", "waiting"] = "agent"
    name: str = Field("", description="of the person")
    handovers: list[str] = Field([], exclude=True, description="the items that wait for the person")


class Transcript(BaseModel):
    """A conversation with everything that was written in it, the oldest first."""

    id: str
    user: str
    turns: int
    begun_at: Moment
    answering: bool = Field(description="the last turn is not answered yet")
    handling: Handling
    lines: list[Line]


async def read_turn(journal: Journal, conversation: str, number: int) -> TurnView | None:
    """One turn; None if there is none."""
    found = await _turns(journal, conversation, [number])
    return _turn(conversation, number, found[number]) if found else None


async def transcript(journal: Journal, row: Row[Any]) -> Transcript:
    """The conversation of this row, of which the latest turns."""
    first = max(1, row.turns - SHOWN_TURNS + 1)
    turns = await _turns(journal, row.id, range(first, row.turns + 1))
    lines = [line for number, turn in turns.items() for line in _lines(number, turn)]
    lines += [
        Line(number=message.turn, by="person", name=message.by, text=message.text, at=message.at)
        for message in await stored.messages(journal, row.id)
        if message.turn >= first - 1
    ]
    last = turns.get(row.turns)
    return Transcript(
        id=row.id,
        user=row.user,
        turns=row.turns,
        begun_at=row.begun_at,
        answering=last is not None and last.state not in ENDED,
        handling=await _handling(journal, row, list(turns.values())),
        lines=sorted(lines, key=lambda line: line.at),
    )


async def _turns(
    journal: Journal, conversation: str, numbers: Iterable[int]
) -> dict[int, Row[Any]]:
    """The turns with these numbers, in their order, each with its reply if it has one."""
    keys = {key_of(conversation, number): number for number in numbers}
    found = await outcomes_of(journal, TURNS.name, [*keys], reply_turn.name)
    return dict(sorted((keys[row.key], row) for row in found))


async def _handling(journal: Journal, row: Row[Any], turns: Sequence[Row[Any]]) -> Handling:
    """Who answers now: a person while an item of a hand-over is open."""
    replies = [reply for turn in turns if (reply := _reply(turn)) is not None]
    wished = replies[-1].after.taken_over if replies else ""
    keys = [key for key in dict.fromkeys((row.handover, wished)) if key]
    waiting = sorted(await open_handovers(journal, keys))
    if row.handover and row.handover in waiting:
        return Handling(by="person", name=row.person, handovers=waiting)
    return Handling(by="waiting", handovers=waiting) if waiting else Handling()


async def open_handovers(journal: Journal, keys: Sequence[str]) -> set[str]:
    """Those of these hand-overs that nobody has decided and that have not ended."""
    found = await named(journal, HANDOVERS.name, keys) if keys else ()
    return {one.key for one in found if one.state not in ENDED and one.decision is None}


def _turn(conversation: str, number: int, turn: Row[Any]) -> TurnView:
    view = TurnView(conversation=conversation, number=number, state="waiting")
    if turn.state not in ENDED:
        return view
    reply = _reply(turn)
    if turn.state != State.COMPLETED or reply is None:
        return view.model_copy(update={"state": "failed"})
    said = {"reply": reply.text, "citations": [*reply.citations]}
    return view.model_copy(update={**said, "state": "answered" if reply.text else "silent"})


def _lines(number: int, turn: Row[Any]) -> list[Line]:
    if not turn.body:  # it was pruned
        return []
    text = Turn.model_validate_json(turn.body).text
    lines = [Line(number=number, by="customer", text=text, at=turn.accepted_at)]
    reply = _reply(turn)
    if reply is not None and reply.text:
        cited = [*reply.citations]
        lines.append(Line(number=number, by="agent", text=reply.text, citations=cited, at=turn.at))
    return lines


def _reply(turn: Row[Any]) -> Replied | None:
    if turn.output is None:
        return None
    reply: Replied = reply_turn.decode(turn.output, turn.version)
    return reply

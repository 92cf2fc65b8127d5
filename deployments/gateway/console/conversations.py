"""Pages of conversations: the list, and one transcript where a person takes over, writes and hands back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy import Row
from starlette.responses import RedirectResponse, Response

from agents.runtime.journal import Journal
from agents.runtime.journal import conversations as stored
from agents.runtime.journal.queries import waiting
from agents.support.handover import HANDOVERS
from agents.support.models import LONGEST_TEXT
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.keyset import pack, unpack
from deployments.gateway.console.pages import HEADERS, render
from deployments.gateway.conversation_views import open_handovers
from deployments.gateway.conversations import Id, checked_text, readable
from deployments.gateway.take_overs import LONGEST_NOTE, handed_back, taken_over, written
from deployments.gateway.tenancy import journal_of

OBJECTS = "conversations of the caller's tenant"
READING, ACTING = allow(Scope.READ, objects=OBJECTS), allow(Scope.ACT, objects=OBJECTS)
router = APIRouter(prefix="/console/conversations", include_in_schema=False)

ROWS, MOST_WAITING = 50, 100
Text = Annotated[str, Form(max_length=100_000)]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation that waits for a person, since `age` seconds ago."""

    conversation: str
    reason: str
    age: float


@router.get("", dependencies=[READING])
async def index(request: Request, principal: Caller, after: str = "") -> Response:
    """Conversations, the latest first; above them those that wait for a person."""
    journal = journal_of(principal)
    found = await stored.recent(journal, None, unpack(after, (float, str)), ROWS + 1)  # type: ignore[arg-type]  # of the kinds above
    rows = found[:ROWS]
    more = pack((rows[-1].last_at, rows[-1].id)) if len(found) > ROWS else ""
    return render(
        request,
        "conversations.html",
        rows=rows,
        persons=await _persons(journal, rows),
        waiting=[] if after else await _waiting(journal),
        more=more,
        first=not after,
    )


@router.get("/{conversation}", dependencies=[READING])
async def page(conversation: Id, request: Request, principal: Caller) -> Response:
    """One transcript, with what the caller may do now."""
    found = await readable(principal, conversation, everybodys=True)
    mine = found.handling.by == "person" and found.handling.name == principal.name
    return render(
        request,
        "conversation.html",
        talk=found,
        mine=mine,
        acts=Scope.ACT in principal.scopes,
        longest=LONGEST_TEXT,
        longest_note=LONGEST_NOTE,
    )


@router.post("/{conversation}/take-over", dependencies=[ACTING])
async def take_over(conversation: Id, principal: Caller, reason: Text) -> Response:
    """Take the conversation over."""
    await taken_over(principal, conversation, checked_text(reason))
    return _back(conversation)


@router.post("/{conversation}/messages", dependencies=[ACTING])
async def write(conversation: Id, principal: Caller, text: Text, sent: Text = "") -> Response:
    """Write to the customer; the same form twice is one message."""
    await written(principal, conversation, checked_text(text), sent)
    return _back(conversation)


@router.post("/{conversation}/hand-back", dependencies=[ACTING])
async def hand_back(conversation: Id, principal: Caller, note: Text) -> Response:
    """Hand the conversation back."""
    await handed_back(principal, conversation, checked_text(note))
    return _back(conversation)


def _back(conversation: str) -> Response:
    return RedirectResponse(f"/console/conversations/{conversation}", 303, HEADERS)


async def _persons(journal: Journal, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Who answers now in place of the agent, by conversation."""
    open_now = await open_handovers(journal, [row.handover for row in rows if row.handover])
    return {row.id: row.person for row in rows if row.handover in open_now}


async def _waiting(journal: Journal) -> list[Waiting]:
    """Those for which no person has come yet, the longest first."""
    found = await waiting(journal, HANDOVERS.name, most=MOST_WAITING)
    asked = {row.key.partition("#")[0]: row for row in reversed(found)}
    known = await stored.known(journal, [*asked])
    unclaimed = [row.id for row in known if row.handover != asked[row.id].key]
    longest_first = sorted(unclaimed, key=lambda one: -asked[one].age)
    return [Waiting(one, asked[one].reason or "", asked[one].age) for one in longest_first]

"""People in conversations: an operator takes one over, writes in it, and hands it back to the agent.

While a person answers, an item of the workflow `handovers` waits. Approving it hands the conversation
back, and the agent's next answer begins with the note.
"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from agents.runtime.context import runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import conversations as stored
from agents.runtime.journal.conversations import NewMessage, TakeOver
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.journal.submit import NewItem, Sender
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from agents.support.handover import HANDOVERS, TIME_LIMIT, Handover
from agents.support.handover import Line as SaidLine
from agents.support.models import LONGEST_TEXT, key_of
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.conversation_views import Transcript
from deployments.gateway.conversations import Id, checked_text, readable
from deployments.gateway.idempotency import key_of as key_of_request
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of

OBJECTS = "conversations of the caller's tenant"
router = APIRouter(
    prefix="/conversations",
    tags=["conversations"],
    dependencies=[allow(Scope.ACT, objects=OBJECTS)],
)

KEPT_LINES = 20  # of the transcript, in the item that waits
LONGEST_NOTE = 500


class Taking(BaseModel, extra="forbid"):
    """Why a person takes over."""

    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE)]


class Message(BaseModel, extra="forbid"):
    """What a person writes to the customer."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class HandingBack(BaseModel, extra="forbid"):
    """What the agent tells the customer first, after the person."""

    note: Annotated[str, Field(min_length=1, max_length=LONGEST_NOTE)]


@router.post("/{conversation}/take-over")
async def take_over(conversation: Id, wanted: Taking, principal: Caller) -> Transcript:
    """Answer in place of the agent from the next turn on; of a person who does so already, take it."""
    await taken_over(principal, conversation, checked_text(wanted.reason))
    return await readable_by(principal, conversation)


@router.post("/{conversation}/messages")
async def write(
    conversation: Id, wanted: Message, principal: Caller, request: Request
) -> Transcript:
    """Write to the customer, as the person who has taken the conversation over.

    With an Idempotency-Key the same request is the same message.
    """
    sent = key_of_request(request) or ""
    await written(principal, conversation, checked_text(wanted.text), sent)
    return await readable_by(principal, conversation)


@router.post("/{conversation}/hand-back")
async def hand_back(conversation: Id, wanted: HandingBack, principal: Caller) -> Transcript:
    """Let the agent answer again; its next answer begins with the note."""
    await handed_back(principal, conversation, checked_text(wanted.note))
    return await readable_by(principal, conversation)


async def taken_over(principal: Principal, conversation: str, reason: str) -> None:
    """Take the conversation over, unless the caller has done so already. Raises Problem 404."""
    found = await readable_by(principal, conversation)
    now = found.handling
    if now.by == "person" and now.name == principal.name:
        return

    def item(turns: int, number: int) -> NewItem:
        key = f"{key_of(conversation, turns)}.{number}"
        handover = _handover(found, key, f"{principal.name}: {reason}")
        body, within = handover.model_dump_json(), TIME_LIMIT.total_seconds()
        offered = [(body, handover)]
        (forecast,) = runtime().forecaster.forecasts(HANDOVERS, principal.tenant, offered)
        new = NewItem(key, body, hash_of(body), new_trace(), within=within, customer=found.user)
        return new.forecast_as(forecast)

    known = now.handovers[0] if now.handovers else ""
    sender = Sender.of(principal.tenant, HANDOVERS)
    taken = TakeOver(principal.name, reason, sender, item, known)
    await stored.take_over(journal_of(principal), conversation, taken)


async def written(principal: Principal, conversation: str, text: str, sent: str) -> None:
    """Write as a person, once for a form or request that is `sent` under one name, if it has one.

    Raises Problem 404, and 409 for a caller who has not taken the conversation over.
    """
    await _mine(principal, conversation)
    message = NewMessage(principal.name, text, sent or uuid.uuid4().hex)
    await stored.write_message(journal_of(principal), conversation, message)


async def handed_back(principal: Principal, conversation: str, note: str) -> None:
    """Hand the conversation back. Raises Problem 404, and 409 while it is not the caller's."""
    found = await _mine(principal, conversation)
    for key in found.handling.handovers:
        action = OperatorAction(HANDOVERS.name, key, principal.name, note)
        try:
            await decide(journal_of(principal), action, approved=True)
        except IllegalTransition:
            raise Problem(
                409,
                "not-yet",
                "the hand-over is not ready yet",
                "try it again in some seconds",
                headers={"Retry-After": "2"},
            ) from None


async def readable_by(principal: Principal, conversation: str) -> Transcript:
    """The transcript, for an operator. Raises Problem 404."""
    return await readable(principal, conversation, everybodys=True)


async def _mine(principal: Principal, conversation: str) -> Transcript:
    found = await readable_by(principal, conversation)
    now = found.handling
    if now.by == "person" and now.name == principal.name:
        return found
    who = f"{now.name} has" if now.by == "person" else "nobody has"
    raise Problem(
        409, "not-taken-over", f"{who} taken this conversation over", "take it over, then write"
    )


def _handover(found: Transcript, key: str, reason: str) -> Handover:
    said = [
        SaidLine(said=line.text, answered="")
        if line.by == "customer"
        else SaidLine(said="", answered=line.text)
        for line in found.lines[-KEPT_LINES:]
    ]
    return Handover(
        conversation=found.id,
        turn=key,
        user=found.user,
        reason=reason,
        summary=f"{found.turns} turns, taken over by a person",
        transcript=tuple(said),
    )

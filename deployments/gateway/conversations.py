"""Conversations over HTTP: a customer writes, the agent or a person answers, and both can be read."""

import unicodedata
import uuid
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from agents.runtime.context import runtime
from agents.runtime.errors import MissingExtra
from agents.runtime.extras import require
from agents.runtime.journal import conversations as stored
from agents.runtime.journal.api_requests import KeyReused, RequestKey
from agents.runtime.journal.conversations import (
    MOST_TURNS,
    ConversationFull,
    NewTurn,
    StillAnswered,
    UnknownConversation,
)
from agents.runtime.journal.submit import NewItem, Sender
from agents.runtime.model.scenario import hash_of
from agents.runtime.redis.signals import signals
from agents.runtime.trace_context import new_trace
from agents.support.models import LONGEST_TEXT, Turn, key_of
from agents.support.scenario import TURNS
from deployments.gateway import bodies, idempotency
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.conversation_views import (
    Moment,
    Transcript,
    TurnView,
    read_turn,
    transcript,
)
from deployments.gateway.problems import Problem
from deployments.gateway.replies import answered, reply_events
from deployments.gateway.request_limits import too_large
from deployments.gateway.tenancy import journal_of

OWN = "the conversations of the customer that the caller talks as"
READING = allow(Scope.CHAT, Scope.READ, objects="conversations that the caller may read")
router = APIRouter(prefix="/conversations", tags=["conversations"])

LARGEST = 64 * 2**10  # bytes of a turn as JSON
RETRY_SECONDS = 1
LINES = {"\n", "\t", "\r"}
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Number = Annotated[int, Path(ge=1, le=MOST_TURNS)]


class Begun(BaseModel):
    """A conversation that has begun, and where its turns are sent."""

    id: str
    turns: str = Field(examples=["/conversations/5f0c/turns"])


class Said(BaseModel, extra="forbid"):
    """What the customer writes."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class Short(BaseModel):
    """A conversation in a list."""

    id: str
    user: str
    turns: int
    begun_at: Moment
    last_at: Moment


class Shorts(BaseModel):
    """Conversations, the latest first; `next` is the `after` of the next page."""

    conversations: list[Short]
    next: str | None


@router.post("", status_code=201, dependencies=[allow(Scope.CHAT, objects=OWN)])
async def begin(request: Request, principal: Caller, response: Response) -> Begun:
    """Begin a conversation of the customer that the caller talks as.

    With an Idempotency-Key the same request is the same conversation.
    """
    key = idempotency.key_of(request)
    used = idempotency.request_key(request, principal, "", key, b"") if key else None
    found = await begun(principal, used)
    response.headers["Location"] = f"/conversations/{found}"
    return Begun(id=found, turns=f"/conversations/{found}/turns")


@router.post(
    "/{conversation}/turns",
    dependencies=[allow(Scope.CHAT, objects=OWN)],
    response_model=TurnView,
    responses={202: {"model": TurnView, "description": "The reply comes later."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": Said.model_json_schema()}},
        }
    },
)
async def say(conversation: Id, request: Request, principal: Caller) -> Response:
    """Write in the conversation and get the reply: as JSON, or as server-sent events while it comes.

    A reply that takes too long comes later: the answer is 202 and says where, or the last event does.
    With an Idempotency-Key the same request is the same turn.
    """
    data = await bodies.whole_body(request)
    if len(data) > LARGEST:
        raise too_large(LARGEST)
    text = checked_text(bodies.parsed(data).get("text"))
    key = idempotency.key_of(request)
    used = idempotency.request_key(request, principal, "", key, data) if key else None
    number = await said(principal, conversation, text, used)
    journal = journal_of(principal)
    if "text/event-stream" in request.headers.get("accept", ""):
        return reply_events(journal, conversation, number)
    return await answered(journal, conversation, number)


@router.get("", dependencies=[READING])
async def index(
    principal: Caller,
    after: Annotated[str | None, Query(pattern=r"^\d{1,12}\.\d{1,9}-[A-Za-z0-9._-]{1,64}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Shorts:
    """The customer's own conversations; for callers with the scope read those of the tenant."""
    user = None if Scope.READ in principal.scopes else customer_of(principal)
    at, _, last = (after or "").partition("-")
    position = (float(at), last) if after else None
    found = await stored.recent(journal_of(principal), user, position, limit + 1)
    shown = found[:limit]
    more = len(found) > limit
    return Shorts(
        conversations=[
            Short(
                id=row.id,
                user=row.user,
                turns=row.turns,
                begun_at=row.begun_at,
                last_at=row.last_at,
            )
            for row in shown
        ],
        next=f"{shown[-1].last_at:.9f}-{shown[-1].id}" if more else None,
    )


@router.get("/{conversation}", dependencies=[READING])
async def read(conversation: Id, principal: Caller) -> Transcript:
    """What was written in the conversation, and who answers now."""
    return await readable(principal, conversation)


@router.get("/{conversation}/turns/{number}", dependencies=[READING])
async def turn(conversation: Id, number: Number, principal: Caller) -> TurnView:
    """One turn, with its reply once there is one."""
    await _row(principal, conversation)
    found = await read_turn(journal_of(principal), conversation, number)
    if found is None:
        raise Problem(404, "unknown-turn", f"conversation {conversation!r} has no turn {number}")
    return found


async def begun(principal: Principal, request: RequestKey | None = None) -> str:
    """The id of a new conversation. Raises Problem 403, 422 and 501."""
    user = customer_of(principal)
    _require_support()
    try:
        return await stored.begin(journal_of(principal), uuid.uuid4().hex, user, request)
    except KeyReused:
        raise idempotency.reused() from None


async def said(
    principal: Principal, conversation: str, text: str, request: RequestKey | None
) -> int:
    """The number of the turn with this text. Raises Problem 403, 404, 409, 422 and 501."""
    user = customer_of(principal)
    _require_support()
    journal = journal_of(principal)
    sender = Sender.of(principal.tenant, TURNS)
    item = partial(_item, principal.tenant, conversation, user, text)
    new = NewTurn(user, sender, partial(key_of, conversation), item, request)
    try:
        number = await stored.add_turn(journal, conversation, new)
    except UnknownConversation:
        raise unknown(conversation) from None
    except StillAnswered as error:
        raise Problem(
            409,
            "still-answered",
            str(error),
            "wait for its reply, then send this one again",
            headers={"Retry-After": str(RETRY_SECONDS)},
        ) from None
    except ConversationFull as error:
        raise Problem(
            409, "full", str(error), "begin another conversation", limit=MOST_TURNS
        ) from None
    except KeyReused:
        raise idempotency.reused() from None
    here = runtime().settings
    if here.redis_url is not None:  # without one, consumers beside the gateway look often enough
        async with signals(here) as consumers:
            await consumers.wake(TURNS.name)
    return number


async def readable(
    principal: Principal, conversation: str, *, everybodys: bool | None = None
) -> Transcript:
    """The transcript, if the caller may read it. Raises Problem 404.

    `everybodys`: also that of another customer; without it, that follows from the caller's scopes.
    """
    return await transcript(
        journal_of(principal), await _row(principal, conversation, everybodys=everybodys)
    )


def customer_of(principal: Principal) -> str:
    """The customer that the caller talks as. Raises Problem 403."""
    if not principal.user:
        raise Problem(
            403,
            "no-customer",
            f"{principal.name} talks as no customer",
            "use a key that is made for one, with the scope chat and a customer",
        )
    return principal.user


def checked_text(text: object) -> str:
    """What a customer or a person writes, without the space around it. Raises Problem 422."""
    if not isinstance(text, str):
        raise _wrong("is not a text", "string_type")
    found = text.strip()
    if not found:
        raise _wrong("is empty", "empty")
    if len(found) > LONGEST_TEXT:
        raise _wrong(f"has more than {LONGEST_TEXT:,} characters", "too-long", LONGEST_TEXT)
    if any(unicodedata.category(one) == "Cc" and one not in LINES for one in found):
        raise _wrong("has a control character", "control-character")
    return found


def unknown(conversation: str) -> Problem:
    """The answer for a conversation that does not exist for the caller."""
    return Problem(404, "unknown-conversation", f"there is no conversation {conversation!r}")


async def _row(principal: Principal, conversation: str, *, everybodys: bool | None = None) -> Any:
    row = await stored.find(journal_of(principal), conversation)
    if everybodys is None:
        everybodys = Scope.READ in principal.scopes
    if row is None or not (everybodys or (principal.user and row.user == principal.user)):
        raise unknown(conversation)
    return row


def _item(tenant: str, conversation: str, user: str, text: str, number: int) -> NewItem:
    """The turn as an item, with its forecast, which may depend on its number."""
    turn = Turn(conversation=conversation, number=number, user=user, text=text)
    body = turn.model_dump_json()
    (forecast,) = runtime().forecaster.forecasts(TURNS, tenant, [(body, turn)])
    return NewItem(turn.key, body, hash_of(body), new_trace(), customer=user, forecast=forecast)


def _wrong(what: str, rule: str, limit: int | None = None) -> Problem:
    return Problem(
        422,
        "invalid-text",
        f"the text {what}",
        "correct it and send it again",
        field="text",
        rule=rule,
        limit=limit,
    )


def _require_support() -> None:
    try:
        require("support", "bm25s", "sklearn")
    except MissingExtra as error:
        raise Problem(
            501, "not-installed", "this gateway has no customer service", str(error)
        ) from None

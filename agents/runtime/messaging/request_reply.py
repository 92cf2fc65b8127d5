"""Request and reply. Both are rows of the journal, so a question has one answer after any crash."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from hmac import HMAC, compare_digest, new
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import (
    ColumnElement,
    Double,
    Row,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from agents.runtime.errors import Conflict, PermanentError, TransientError
from agents.runtime.journal.database import now
from agents.runtime.journal.quick import Pair, pair
from agents.runtime.journal.schema import inbox, messages, requests
from agents.runtime.journal.statements import insert_or_change
from agents.runtime.messaging.connection import Connection, enveloped, new_message, row_of
from agents.runtime.messaging.delivery import Delivery
from agents.runtime.messaging.inbox import EXPIRED, done_with
from agents.runtime.messaging.outbox_relay import ReplyWait
from agents.runtime.messaging.subscriber import Subscription
from agents.runtime.model.message import Envelope, Topic

Q = TypeVar("Q", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)
POLL_SECONDS = 1.0

_REQUEST = select(requests).where(requests.c.message == bindparam("name", type_=Text()))


class NoReply(TransientError):
    """There was no answer in time. Asking again with the same correlation id finds a late answer."""


class RequestRefused(PermanentError):
    """The request became a dead message, since its handler cannot answer it."""


@dataclass(frozen=True, slots=True)
class RequestReply(Generic[Q, A]):
    """The topics of a question and its answer."""

    question: Topic[Q]
    answer: Topic[A]


@dataclass(frozen=True, slots=True)
class Answerer(Subscription):
    """The subscription that answers a question, and `reply`: the same answer without a message.

    `reply` takes a question as JSON with its version and returns the answer as JSON with its version.
    """

    reply: Callable[[str, str], Awaitable[tuple[str, str]]] | None = None


def answer(
    pair: RequestReply[Q, A], *, concurrency: int = 8, seconds: float = 30.0
) -> Callable[[Callable[[Q], Awaitable[A]]], Answerer]:
    """Make an async function from question to answer the subscription that answers.

    `seconds` is the time limit of one call; each process answers `concurrency` questions at a time.
    """

    def decorate(function: Callable[[Q], Awaitable[A]]) -> Answerer:
        async def reply(text: str, version: str) -> tuple[str, str]:
            found = await function(pair.question.decode(text, version))
            return found.model_dump_json(), pair.answer.version

        async def handle(question: Q, delivery: Delivery) -> None:
            if delivery.overdue:
                async with delivery.transaction(EXPIRED, rows=1):
                    return
            text = pair.answer.encode(await function(question))
            name, version = delivery.envelope.id, pair.answer.version
            secret = await delivery.bus.secret()
            answered = _answered(by_sqlite=delivery.bus.database.is_sqlite)
            await delivery.write(answered, {"text": text, "by": version})
            delivery.wakes = _signal(name), _signed(secret, name, version, text)

        return Answerer(pair.question, "answers", handle, concurrency, seconds, reply)

    return decorate


async def ask(
    bus: Connection, pair: RequestReply[Q, A], question: Q, correlation: str, seconds: float
) -> A:
    """See `Bus.request`."""
    clock = asyncio.get_running_loop()
    until = clock.time() + seconds
    asked = enveloped(pair.question, question, key=correlation)
    name, new = asked.id, _asked(by_sqlite=bus.database.is_sqlite)
    if await bus.database.write_pair(new, row_of(asked) | {"seconds": seconds}):
        reply = ReplyWait(_signal(name), min(seconds, POLL_SECONDS))
        heard = await bus.send([asked], reply)
        if heard is not None:
            text, version = _read_signed(await bus.secret(), name, heard)
            if version:
                return pair.answer.decode(text, version)
    else:
        await _ask_again(bus, asked, correlation, seconds)
    while True:
        row = await _stored_request(bus, name)
        if row.reply is not None:
            return pair.answer.decode(row.reply, row.version)
        if row.error is not None:
            raise RequestRefused(f"{name}: {row.error}")
        left = until - clock.time()
        if left <= 0:
            raise NoReply(f"{name}: no answer within {seconds:g} s")
        await bus.signals.wait(_signal(name), min(left, POLL_SECONDS))


async def _ask_again(bus: Connection, asked: Envelope, correlation: str, seconds: float) -> None:
    """Extend the time of a question that is stored; an expired one is delivered again."""
    name, deadline = asked.id, now() + seconds
    async with bus.database.write(rows=1) as connection:
        known = select(messages.c.body).where(messages.c.id == name)
        if (await connection.execute(known)).scalar_one() != asked.body:
            raise Conflict(asked.topic, correlation)
        longer = insert_or_change(connection, requests, {"deadline": deadline})
        await connection.execute(longer.values(message=name, deadline=deadline))
        expired = (inbox.c.message == name) & (inbox.c.status == EXPIRED)
        if (await connection.execute(delete(inbox).where(expired))).rowcount:
            stored = update(messages).where(messages.c.id == name)
            await connection.execute(stored.values(epoch=None, relay_at=now()))


@cache
def _asked(*, by_sqlite: bool) -> Pair:
    """SQL: store a new question, and until when it is waited for."""

    def request(is_new: ColumnElement[bool]) -> Any:
        deadline = now() + bindparam("seconds", type_=Double())
        row = select(bindparam("id", type_=Text()), deadline).where(is_new)
        return insert(requests).from_select(["message", "deadline"], row)

    return pair(new_message(by_sqlite=by_sqlite), request)


@cache
def _answered(*, by_sqlite: bool) -> Pair:
    """SQL: a question is handled, and this is its reply."""

    def reply(is_ours: ColumnElement[bool]) -> Any:
        ours = requests.c.message == bindparam("message", type_=Text())
        reply = {"reply": bindparam("text"), "version": bindparam("by"), "replied_at": now()}
        return update(requests).where(ours, requests.c.reply.is_(None), is_ours).values(**reply)

    return pair(done_with(by_sqlite=by_sqlite), reply)


async def _stored_request(bus: Connection, name: str) -> Row[Any]:
    async with bus.database.read(rows=1) as connection:
        return (await connection.execute(_REQUEST, {"name": name})).one()


def _signed(secret: bytes, name: str, version: str, text: str) -> str:
    """A reply as it is said through Redis, which anybody may write to: the secret is in the journal."""
    return f"{_proof(secret, name, version, text)} {version} {text}"


def _read_signed(secret: bytes, name: str, said: bytes) -> tuple[str, str]:
    """Text and version of the reply to this question; both are empty if a stranger said it."""
    proof, _, rest = said.decode(errors="replace").partition(" ")
    version, _, text = rest.partition(" ")
    is_ours = compare_digest(proof.encode(), _proof(secret, name, version, text).encode())
    return (text, version) if is_ours else ("", "")


def _proof(secret: bytes, name: str, version: str, text: str) -> str:
    proof = _keyed(secret).copy()
    proof.update(f"{name}\0{version}\0{text}".encode())
    return proof.hexdigest()


@cache
def _keyed(secret: bytes) -> HMAC:
    """Made once for the journal's secret: OpenSSL takes longer to find the algorithm than to use it."""
    return new(secret, digestmod="sha256")


def _signal(name: str) -> str:
    return f"reply:{name}"

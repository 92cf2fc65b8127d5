"""Request and reply. Both are rows of the journal, so a question has one answer after any crash."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from hmac import compare_digest, digest
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import Double, Row, Text, bindparam, delete, select, update

from agents.runtime.errors import Conflict, PermanentError, TransientError
from agents.runtime.journal.database import now
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import inbox, messages, requests
from agents.runtime.journal.statements import is_sqlite, upsert
from agents.runtime.messaging.connection import Connection, Transaction
from agents.runtime.messaging.delivery import Delivery
from agents.runtime.messaging.inbox import EXPIRED
from agents.runtime.messaging.outbox_relay import ReplyWait
from agents.runtime.messaging.subscriber import Subscription
from agents.runtime.model.message import Topic

Q = TypeVar("Q", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)
POLL_SECONDS = 1.0

_NAME = bindparam("name", type_=Text())
_REQUEST = select(requests).where(requests.c.message == _NAME)
_REPLY = (
    update(requests)
    .where(requests.c.message == _NAME, requests.c.reply.is_(None))
    .values(reply=bindparam("text"), version=bindparam("by"), replied_at=now())
)


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
            name, version, secret = (
                delivery.envelope.id,
                pair.answer.version,
                await delivery.bus.secret(),
            )
            async with delivery.transaction(rows=1) as transaction:
                reply = {"name": name, "text": text, "by": version}
                await fetch(transaction.connection, _REPLY, reply)
            delivery.wakes = _signal(name), _signed(secret, name, version, text)

        return Answerer(pair.question, "answers", handle, concurrency, seconds, reply)

    return decorate


async def ask(
    bus: Connection, pair: RequestReply[Q, A], question: Q, correlation: str, seconds: float
) -> A:
    """See `Bus.request`."""
    clock, name = asyncio.get_running_loop(), f"{pair.question.name}:{correlation}"
    until = clock.time() + seconds
    async with bus.transaction(rows=1) as transaction:
        await _store_request(transaction, pair.question, question, correlation, seconds)
        transaction.reply = ReplyWait(_signal(name), min(seconds, POLL_SECONDS))
    if transaction.heard is not None:
        text, version = _read_signed(await bus.secret(), name, transaction.heard)
        if version:
            return pair.answer.decode(text, version)
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


async def _store_request(
    transaction: Transaction, topic: Topic[Q], question: Q, correlation: str, seconds: float
) -> None:
    """Store the question, or extend its time if it is stored; an expired one is delivered again."""
    connection = transaction.connection
    name = await transaction.publish(topic, question, key=correlation)
    asked = {"name": name, "seconds": seconds}
    await fetch(connection, _new_request(by_sqlite=is_sqlite(connection)), asked)
    if transaction.envelopes:
        return
    known = select(messages.c.body).where(messages.c.id == name)
    if (await connection.execute(known)).scalar_one() != topic.encode(question):
        raise Conflict(topic.name, correlation)
    await connection.execute(
        update(requests).where(requests.c.message == name).values(deadline=now() + seconds)
    )
    expired = (inbox.c.message == name) & (inbox.c.status == EXPIRED)
    if (await connection.execute(delete(inbox).where(expired))).rowcount:
        stored = update(messages).where(messages.c.id == name)
        await connection.execute(stored.values(epoch=None, relay_at=now()))


@cache
def _new_request(*, by_sqlite: bool) -> Any:
    deadline = now() + bindparam("seconds", type_=Double())
    row = upsert(requests, by_sqlite=by_sqlite).values(message=_NAME, deadline=deadline)
    return row.on_conflict_do_nothing()


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
    return digest(secret, f"{name}\0{version}\0{text}".encode(), "sha256").hex()


def _signal(name: str) -> str:
    return f"reply:{name}"

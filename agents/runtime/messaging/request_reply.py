"""Request and reply: both are rows, so either side may die and the same question has one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import Row, delete, select, update

from agents.runtime.errors import Conflict, PermanentError, TransientError
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import inbox, messages, requests
from agents.runtime.journal.statements import insert_new
from agents.runtime.messaging.connection import Connection, Transaction
from agents.runtime.messaging.delivery import Delivery
from agents.runtime.messaging.inbox import EXPIRED
from agents.runtime.messaging.subscriber import Subscription
from agents.runtime.model.message import Topic

Q = TypeVar("Q", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)
LOOK_SECONDS = 1.0


class NoReply(TransientError):
    """Nobody has answered in time; asked again with the same correlation id, a late reply is found."""


class RequestRefused(PermanentError):
    """The request is a dead message: its handler cannot answer it."""


@dataclass(frozen=True, slots=True)
class RequestReply(Generic[Q, A]):
    """A question and its answer; each has a name and a version."""

    question: Topic[Q]
    answer: Topic[A]


@dataclass(frozen=True, slots=True)
class Answerer(Subscription):
    """The subscription that answers a question, and `reply`: the same answer without a message.

    `reply` takes a question as JSON with its version and returns the answer as JSON with its version.
    """

    reply: Callable[[str, str], Awaitable[tuple[str, str]]] | None = None


def answer(
    exchange: RequestReply[Q, A], *, concurrency: int = 8, seconds: float = 30.0
) -> Callable[[Callable[[Q], Awaitable[A]]], Answerer]:
    """Make an async function from question to answer the one that answers."""

    def decorate(function: Callable[[Q], Awaitable[A]]) -> Answerer:
        async def reply(text: str, version: str) -> tuple[str, str]:
            found = await function(exchange.question.decode(text, version))
            return found.model_dump_json(), exchange.answer.version

        async def handle(question: Q, delivery: Delivery) -> None:
            if delivery.overdue:
                async with delivery.transaction(EXPIRED):
                    return
            text = exchange.answer.encode(await function(question))
            async with delivery.transaction() as transaction:
                await _write(transaction, exchange.answer, delivery.envelope.id, text)
            await delivery.signals.wake(_queue(delivery.envelope.id))

        return Answerer(exchange.question, "answers", handle, concurrency, seconds, reply)

    return decorate


async def ask(
    bus: Connection, exchange: RequestReply[Q, A], question: Q, correlation: str, seconds: float
) -> A:
    """See `Bus.request`."""
    clock, name = asyncio.get_running_loop(), f"{exchange.question.name}:{correlation}"
    until = clock.time() + seconds
    async with bus.transaction() as transaction:
        await _put(transaction, exchange.question, question, correlation, seconds)
    if transaction.posted:
        await bus.signals.wait(_queue(name), min(seconds, LOOK_SECONDS))
    while True:
        row = await _look(bus, name)
        if row.reply is not None:
            return exchange.answer.decode(row.reply, row.version)
        if row.error is not None:
            raise RequestRefused(f"{name}: {row.error}")
        left = until - clock.time()
        if left <= 0:
            raise NoReply(f"{name}: nobody answered within {seconds:g} s")
        await bus.signals.wait(_queue(name), min(left, LOOK_SECONDS))


async def _put(
    transaction: Transaction, topic: Topic[Q], question: Q, correlation: str, seconds: float
) -> None:
    """Ask, or ask again: then what has expired meanwhile is delivered once more."""
    connection = transaction.connection
    name = await transaction.publish(topic, question, key=correlation)
    await connection.execute(
        insert_new(connection, requests).values(message=name, deadline=now() + seconds)
    )
    if transaction.posted:
        return
    known = select(messages.c.body).where(messages.c.id == name)
    if (await connection.execute(known)).scalar_one() != topic.encode(question):
        raise Conflict(topic.name, correlation)
    await connection.execute(
        update(requests).where(requests.c.message == name).values(deadline=now() + seconds)
    )
    expired = (inbox.c.message == name) & (inbox.c.status == EXPIRED)
    if (await connection.execute(delete(inbox).where(expired))).rowcount:
        again = update(messages).where(messages.c.id == name)
        await connection.execute(again.values(epoch=None, relay_at=now()))


async def _look(bus: Connection, name: str) -> Row[Any]:
    async with bus.database.read() as connection:
        found = await connection.execute(select(requests).where(requests.c.message == name))
        return found.one()


async def _write(transaction: Transaction, topic: Topic[A], name: str, text: str) -> None:
    reply = {"reply": text, "version": topic.version, "replied_at": now()}
    unanswered = (requests.c.message == name) & requests.c.reply.is_(None)
    await transaction.connection.execute(update(requests).where(unanswered).values(**reply))


def _queue(name: str) -> str:
    return f"reply:{name}"

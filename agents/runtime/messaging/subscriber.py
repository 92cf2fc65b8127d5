"""Subscriptions, and the subscriber that handles the messages of a durable group in one process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from agents.runtime.errors import PermanentError
from agents.runtime.messaging.connection import Connection
from agents.runtime.messaging.dead_letters import DeadLetterReason, add_dead_letter
from agents.runtime.messaging.delivery import (
    AlreadyHandled,
    Delivery,
    DeliveryState,
    DeliveryStatus,
    look_up,
)
from agents.runtime.messaging.inbox import count_failed_delivery
from agents.runtime.messaging.stream import Entry, Stream
from agents.runtime.model.message import Envelope, M, Malformed, Topic, original, unpack
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.redis.client import RedisUnavailable
from agents.runtime.telemetry import Work, current_work, enter, get_logger
from agents.runtime.testing import failpoint
from agents.runtime.trace_context import read_traceparent
from agents.runtime.tracing import Link, spanning

log = get_logger(__name__)

MOST_DELIVERIES = 5
RETRY_SECONDS = 0.2  # before the first retry; doubled for each further one
LONGEST_RETRY_SECONDS = 10.0
UNAVAILABLE_SECONDS = 0.5

Handler = Callable[[M, Delivery], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A durable group, which handles every message of the topic once.

    `seconds` is the time limit of one call of the handler; each process handles `concurrency`
    messages at a time.
    """

    topic: Topic[Any]
    group: str
    handler: Handler[Any]
    concurrency: int = 8
    seconds: float = 30.0


def subscribe(
    topic: Topic[M], group: str, *, concurrency: int = 8, seconds: float = 30.0
) -> Callable[[Handler[M]], Subscription]:
    """Make an async function of message and Delivery the handler of a durable group.

    `seconds` is the time limit of one call; each process handles `concurrency` messages at a time.
    """

    def decorate(handler: Handler[M]) -> Subscription:
        return Subscription(topic, group, handler, concurrency, seconds)

    return decorate


class Subscriber:
    """Handles messages of one subscription in one process."""

    def __init__(self, bus: Connection, subscription: Subscription) -> None:
        self._bus, self._subscription = bus, subscription
        self._stream = Stream(bus, subscription.topic.name, subscription.group)
        self._running: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[int | str, asyncio.Lock] = WeakValueDictionary()

    async def run(self) -> None:
        """Handle messages until cancelled; wait while Redis is unavailable."""
        renewing = asyncio.create_task(self._stream.renew_claims())
        try:
            while True:
                if len(self._running) >= self._subscription.concurrency:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                free = self._subscription.concurrency - len(self._running)
                try:
                    await self._dispatch(await self._stream.next(free))
                except RedisUnavailable:
                    await asyncio.sleep(UNAVAILABLE_SECONDS)
        finally:
            for task in (renewing, *self._running):
                task.cancel()
            await asyncio.gather(renewing, *self._running, return_exceptions=True)

    async def _dispatch(self, entries: Sequence[Entry]) -> None:
        """Start a task for each message among the entries."""
        try:
            received = await self._unpack(entries)
            group, database = self._subscription.group, self._bus.database
            known = await look_up(database, group, [envelope for _, envelope in received])
        except Exception:
            log.exception(
                "the journal cannot be read, messages wait", topic=self._subscription.topic.name
            )
            for entry in entries:
                self._stream.delay(entry, UNAVAILABLE_SECONDS)
            return
        for entry, envelope in sorted(received, key=_sequence):
            task = asyncio.create_task(self._in_turn(entry, envelope, known[envelope]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await asyncio.sleep(0)  # they begin now, and not after the next read is on its way

    async def _unpack(self, entries: Sequence[Entry]) -> list[tuple[Entry, Envelope]]:
        """The entries that are messages; others become dead messages."""
        received = list[tuple[Entry, Envelope]]()
        for entry in entries:
            try:
                received.append((entry, unpack(entry.fields, self._subscription.topic.name)))
            except Malformed as error:
                await self._add_dead_letter(entry, DeadLetterReason(error.reason, str(error)))
        return received

    async def _in_turn(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        """Process a message after the earlier ones of its item that this process has."""
        enter(
            Work(f"message {envelope.id}", envelope.trace[3:35], read_traceparent(envelope.trace))
        )
        turn = self._turns.setdefault(envelope.item or envelope.id, asyncio.Lock())
        try:
            must_wait = turn.locked()
            async with turn:
                if must_wait:
                    states = await look_up(self._bus.database, self._subscription.group, [envelope])
                    known = states[envelope]
                await self._process(entry, envelope, known)
        except Exception:
            # The journal is unavailable, or this code has a bug: the stream keeps the message.
            log.exception("a message could not be processed, it is retried", topic=envelope.topic)
            self._stream.delay(entry, LONGEST_RETRY_SECONDS)

    async def _process(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        """Handle, acknowledge or delay one message, by its state in the journal."""
        match known.status:
            case DeliveryStatus.DONE:
                await self._stream.acknowledge(entry)
            case DeliveryStatus.TOO_EARLY:
                self._stream.delay(entry, RETRY_SECONDS)
            case DeliveryStatus.NOT_OURS:
                await self._add_dead_letter(
                    entry, DeadLetterReason("unknown", "the journal has no such message")
                )
            case DeliveryStatus.DUE:
                await self._handle(entry, envelope, known)

    async def _handle(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        if not entry.redelivered and (entry.failure_counted or not known.deliveries):
            async with self._bus.isolation.shared():
                await self._try(entry, envelope, known)
            return
        async with self._bus.isolation.alone():
            # Counted before it is tried: it may have crashed the process that tried it last.
            failures = await self._count_failure(envelope)
            if failures < MOST_DELIVERIES:
                await self._try(entry, envelope, known)
                return
        reason = DeadLetterReason(
            "poison", "its handler began and never ended", envelope.id, failures
        )
        await self._add_dead_letter(entry, reason)

    async def _try(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        try:
            body = self._subscription.topic.decode(envelope.body, envelope.version)
            delivery = Delivery(
                self._bus, self._subscription.group, envelope, overdue=known.overdue
            )
            await self._call(body, delivery)
        except AlreadyHandled:
            log.info("another process has handled the message")
            await self._stream.acknowledge(entry)
            return
        except Unreadable as error:
            await self._add_dead_letter(
                entry, DeadLetterReason("unreadable", str(error), envelope.id)
            )
            return
        except PermanentError as error:
            await self._add_dead_letter(
                entry, DeadLetterReason("refused", repr(error), envelope.id)
            )
            return
        except Exception as error:  # noqa: BLE001 - any error affects only this message
            await self._retry_later(entry, envelope, error)
            return
        failpoint("bus:handled")
        await self._stream.acknowledge(entry, delivery.wakes)

    async def _call(self, body: Any, delivery: Delivery) -> None:
        envelope = delivery.envelope
        name, cause = f"{envelope.topic} process", current_work().within
        links = [Link(cause, {"agent_flows.waited_for": "message"})] if cause else []
        with spanning(name, cause, "CONSUMER", links):
            async with asyncio.timeout(self._subscription.seconds):
                await self._subscription.handler(body, delivery)
        if not delivery.committed and not await self._bus.inbox_writer.finish(
            self._subscription.group, envelope.id
        ):
            raise AlreadyHandled(envelope.id)

    async def _retry_later(self, entry: Entry, envelope: Envelope, error: Exception) -> None:
        failures = await self._count_failure(envelope)
        if failures >= MOST_DELIVERIES:
            await self._add_dead_letter(
                entry, DeadLetterReason("failed", repr(error), envelope.id, failures)
            )
            return
        log.warning("a handler failed, retrying", failures=failures, exc_info=error)
        entry.redelivered, entry.failure_counted = False, True
        self._stream.delay(entry, min(RETRY_SECONDS * 2**failures, LONGEST_RETRY_SECONDS))

    async def _count_failure(self, envelope: Envelope) -> int:
        async with self._bus.database.write() as connection:
            return await count_failed_delivery(connection, self._subscription.group, envelope.id)

    async def _add_dead_letter(self, entry: Entry, reason: DeadLetterReason) -> None:
        topic_and_group = (self._subscription.topic.name, self._subscription.group)
        await add_dead_letter(self._bus.database, topic_and_group, original(entry.fields), reason)
        failpoint("bus:dead_lettered")
        await self._stream.acknowledge(entry)


def _sequence(message: tuple[Entry, Envelope]) -> int:
    return message[1].sequence or 0

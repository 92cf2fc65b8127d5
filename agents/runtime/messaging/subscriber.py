"""A durable group at one topic: takes messages from the stream, each to its end, whatever it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from agents.runtime.errors import PermanentError
from agents.runtime.messaging.connection import Connection
from agents.runtime.messaging.dead_letters import DeadLetterReason, add_dead_letter
from agents.runtime.messaging.delivery import AlreadyHandled, Delivery
from agents.runtime.messaging.delivery_status import DeliveryState, DeliveryStatus, look_up
from agents.runtime.messaging.inbox import count
from agents.runtime.messaging.stream import Entry, Stream
from agents.runtime.model.message import Envelope, M, Malformed, Topic, original, unpack
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.redis.client import RedisUnavailable
from agents.runtime.telemetry import enter_item, get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

MOST_DELIVERIES = 5
PAUSE = 0.2  # seconds before the first repetition, twice as long before each further one
LONGEST_PAUSE = 10.0
AWAY_PAUSE = 0.5

Handler = Callable[[M, Delivery], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A durable group: every message of the topic is handled once by it.

    `seconds` bound one handling; `concurrency` messages are handled at once in each process.
    """

    topic: Topic[Any]
    group: str
    handler: Handler[Any]
    concurrency: int = 8
    seconds: float = 30.0


def subscribe(
    topic: Topic[M], group: str, *, concurrency: int = 8, seconds: float = 30.0
) -> Callable[[Handler[M]], Subscription]:
    """Make an async function of message and Delivery the handler of a durable group."""

    def decorate(handler: Handler[M]) -> Subscription:
        return Subscription(topic, group, handler, concurrency, seconds)

    return decorate


class Subscriber:
    """One process's part in a group."""

    def __init__(self, bus: Connection, subscription: Subscription) -> None:
        self._bus, self._subscription = bus, subscription
        self._stream = Stream(bus, subscription.topic.name, subscription.group)
        self._running: set[asyncio.Task[None]] = set()
        self._turns: WeakValueDictionary[int | str, asyncio.Lock] = WeakValueDictionary()

    async def run(self) -> None:
        """Handle messages until cancelled; Redis is waited for, however long it is away."""
        holding = asyncio.create_task(self._stream.hold())
        try:
            while True:
                if len(self._running) >= self._subscription.concurrency:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                free = self._subscription.concurrency - len(self._running)
                try:
                    await self._begin(await self._stream.next(free))
                except RedisUnavailable:
                    await asyncio.sleep(AWAY_PAUSE)
        finally:
            for task in (holding, *self._running):
                task.cancel()
            await asyncio.gather(holding, *self._running, return_exceptions=True)

    async def _begin(self, entries: Sequence[Entry]) -> None:
        try:
            letters = await self._read(entries)
            group, database = self._subscription.group, self._bus.database
            known = await look_up(database, group, [envelope for _, envelope in letters])
        except Exception:
            log.exception(
                "messages wait, the journal cannot be read", topic=self._subscription.topic.name
            )
            for entry in entries:
                self._stream.keep(entry, AWAY_PAUSE)
            return
        for entry, envelope in sorted(letters, key=_in_order):
            task = asyncio.create_task(self._in_turn(entry, envelope, known[envelope]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _read(self, entries: Sequence[Entry]) -> list[tuple[Entry, Envelope]]:
        """Those that are messages; what is none is buried."""
        letters = list[tuple[Entry, Envelope]]()
        for entry in entries:
            try:
                letters.append((entry, unpack(entry.fields, self._subscription.topic.name)))
            except Malformed as error:
                await self._add_dead_letter(entry, DeadLetterReason(error.reason, str(error)))
        return letters

    async def _in_turn(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        """Take a message when this process is through with those before it of the same item."""
        enter_item(f"message {envelope.id}", envelope.trace[3:35])
        turn = self._turns.setdefault(envelope.item or envelope.id, asyncio.Lock())
        try:
            waits = turn.locked()
            async with turn:
                if waits:
                    some = await look_up(self._bus.database, self._subscription.group, [envelope])
                    known = some[envelope]
                await self._take(entry, envelope, known)
        except Exception:
            # The journal is away, or we are wrong ourselves: the message stays with its stream.
            log.exception("a message could not be taken", topic=envelope.topic)
            self._stream.keep(entry, LONGEST_PAUSE)

    async def _take(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        """Take one message to its end, or keep it for later."""
        match known.status:
            case DeliveryStatus.DONE:
                await self._stream.acknowledge(entry)
            case DeliveryStatus.TOO_EARLY:
                self._stream.keep(entry, PAUSE)
            case DeliveryStatus.NOT_OURS:
                await self._add_dead_letter(
                    entry, DeadLetterReason("unknown", "the journal holds no such message")
                )
            case DeliveryStatus.DUE:
                await self._handle(entry, envelope, known)

    async def _handle(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        if not entry.again and (entry.counted or not known.deliveries):
            async with self._bus.isolation.shared():
                await self._try(entry, envelope, known)
            return
        async with self._bus.isolation.alone():
            # Counted before it is tried again: it may have killed the process that tried it.
            in_vain = await self._count(envelope)
            if in_vain < MOST_DELIVERIES:
                await self._try(entry, envelope, known)
                return
        death = DeadLetterReason(
            "poison", "its handling was begun and never ended", envelope.id, in_vain
        )
        await self._add_dead_letter(entry, death)

    async def _try(self, entry: Entry, envelope: Envelope, known: DeliveryState) -> None:
        try:
            body = self._subscription.topic.decode(envelope.body, envelope.version)
            await self._call(body, envelope, overdue=known.overdue)
        except AlreadyHandled:
            log.info("handled by another process meanwhile")
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
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this message alone
            await self._again(entry, envelope, error)
            return
        failpoint("bus:handled")
        await self._stream.acknowledge(entry)

    async def _call(self, body: Any, envelope: Envelope, *, overdue: bool) -> None:
        delivery = Delivery(self._bus, self._subscription.group, envelope, overdue=overdue)
        async with asyncio.timeout(self._subscription.seconds):
            await self._subscription.handler(body, delivery)
        if not delivery.committed and not await self._bus.inbox_writer.finish(
            self._subscription.group, envelope.id
        ):
            raise AlreadyHandled(envelope.id)

    async def _again(self, entry: Entry, envelope: Envelope, error: Exception) -> None:
        tried = await self._count(envelope)
        if tried >= MOST_DELIVERIES:
            await self._add_dead_letter(
                entry, DeadLetterReason("failed", repr(error), envelope.id, tried)
            )
            return
        log.warning("a handler failed", tried=tried, exc_info=error)
        entry.again, entry.counted = False, True
        self._stream.keep(entry, min(PAUSE * 2**tried, LONGEST_PAUSE))

    async def _count(self, envelope: Envelope) -> int:
        async with self._bus.database.write() as connection:
            return await count(connection, self._subscription.group, envelope.id)

    async def _add_dead_letter(self, entry: Entry, death: DeadLetterReason) -> None:
        where = (self._subscription.topic.name, self._subscription.group)
        await add_dead_letter(self._bus.database, where, original(entry.fields), death)
        failpoint("bus:buried")
        await self._stream.acknowledge(entry)


def _in_order(letter: tuple[Entry, Envelope]) -> int:
    return letter[1].sequence or 0

"""The bus as its users see it: say, handle, ask, announce."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from agents.runtime.bus import announcing, exchange, sweeping
from agents.runtime.bus.carrier import Carrier
from agents.runtime.bus.exchange import A, Exchange, Q
from agents.runtime.bus.ledger import Ledger
from agents.runtime.bus.posting import Transaction
from agents.runtime.bus.seclusion import Seclusion
from agents.runtime.bus.subscriber import Subscriber, Subscription
from agents.runtime.bus.topics import M, Topic
from agents.runtime.faultpoints import point
from agents.runtime.journal import Journal, journal
from agents.runtime.journal.database import now
from agents.runtime.journal.rows import insert_new
from agents.runtime.journal.schema import subscriptions as registered
from agents.runtime.redis.link import Away, Link
from agents.runtime.redis.signals import Signals
from agents.runtime.settings import Settings
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

RELAY_SECONDS = 0.5
MARK_SECONDS = 0.5
SWEEP_SECONDS = 5.0


class Bus:
    """Messages between agents over this process's open journal."""

    def __init__(self, journal: Journal, link: Link) -> None:
        self.database, self.link, self.signals = journal.database, link, Signals(link)
        self.name, self.lease = journal.owner.id, journal.owner.lease
        self.carrier, self.ledger = Carrier(journal.database, link), Ledger(journal.database)
        self.seclusion = Seclusion()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction of the journal in which messages are published; they go out at its commit.

        If Redis is away then, they go out when it is back.
        """
        async with self.database.write() as connection:
            transaction = Transaction(connection)
            yield transaction
        if transaction.posted:
            point("bus:committed")
            try:
                await self.carrier.carry(transaction.posted)
            except Away:
                log.info("messages wait in the journal", count=len(transaction.posted))

    async def publish(self, topic: Topic[M], body: M, *, item: int | None = None) -> str:
        """Publish one message that belongs to no other state change; returns its id."""
        async with self.transaction() as transaction:
            return await transaction.publish(topic, body, item=item)

    async def request(
        self, to: Exchange[Q, A], question: Q, *, correlation: str, seconds: float
    ) -> A:
        """Ask, and wait for the answer for so many seconds.

        The same correlation id is the same question: it is answered once, and whoever asks again,
        after a restart too, has the stored answer. Raises NoReply, Refused, and Conflict for another
        question under the same id.
        """
        return await exchange.ask(self, to, question, correlation, seconds)

    async def announce(self, topic: Topic[M], body: M) -> None:
        """Tell whoever listens right now, and nobody else, ever."""
        await announcing.announce(self.link, topic, body)

    def overhear(self, topic: Topic[M]) -> AsyncIterator[M]:
        """What is announced from now on. Raises Away as soon as something may have been missed."""
        return announcing.overhear(self.link, topic)

    async def serve(self, subscriptions: Sequence[Subscription]) -> None:
        """Handle messages, carry and sweep, until cancelled."""
        await self.register(subscriptions)
        topics = {one.topic.name: list[str]() for one in subscriptions}
        for one in subscriptions:
            topics[one.topic.name].append(one.group)
        async with asyncio.TaskGroup() as group:
            for one in subscriptions:
                group.create_task(Subscriber(self, one).run())
            group.create_task(self.keep_carrying())
            group.create_task(self._often(SWEEP_SECONDS, lambda: self.sweep(topics)))

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        """Make the groups durable: from now on no message of theirs is forgotten."""
        async with self.database.write() as connection:
            for one in subscriptions:
                row = {"topic": one.topic.name, "grp": one.group, "since": now()}
                await connection.execute(insert_new(connection, registered).values(row))

    async def keep_carrying(self) -> None:
        """Carry what publishers left behind, until cancelled."""
        await self._often(RELAY_SECONDS, self.carrier.relay)

    async def sweep(self, topics: dict[str, list[str]]) -> None:
        """Find what Redis lost, shorten the streams, forget what is long done. Raises Away."""
        for topic, groups in topics.items():
            stream = self.carrier.stream(topic)
            await sweeping.find_lost(self.database, self.link, stream, topic)
            await sweeping.trim(self.link, stream, groups)
        await sweeping.prune(self.database)

    async def _often(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except Away:
                log.debug("redis is away, the bus waits")
            except Exception:
                log.exception("the bus goes on after an error")
            await asyncio.sleep(seconds)


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    """The bus over the journal that is open here. Raises LookupError outside of `open_journal`."""
    link = Link(settings)
    bus = Bus(journal(), link)
    marking = asyncio.create_task(bus._often(MARK_SECONDS, bus.carrier.mark))  # noqa: SLF001
    try:
        yield bus
    finally:
        marking.cancel()
        await asyncio.gather(marking, return_exceptions=True)
        await bus.carrier.mark()
        await link.close()

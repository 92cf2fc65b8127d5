"""The bus as its users see it: publish, subscribe, request and reply."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from agents.runtime.context import runtime
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import subscriptions as registered
from agents.runtime.journal.statements import insert_new
from agents.runtime.messaging import maintenance, request_reply
from agents.runtime.messaging.connection import Connection
from agents.runtime.messaging.request_reply import A, Q, RequestReply
from agents.runtime.messaging.subscriber import Subscriber, Subscription
from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.settings import Settings
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

RELAY_SECONDS = 0.5
MARK_SECONDS = 0.5
SWEEP_SECONDS = 5.0


class Bus(Connection):
    """Messages between agents over the runtime that is open in this process."""

    async def request(
        self, to: RequestReply[Q, A], question: Q, *, correlation: str, seconds: float
    ) -> A:
        """Ask, and wait for the answer for so many seconds.

        The same correlation id is the same question: it is answered once, and whoever asks again,
        after a restart too, has the stored answer. Raises NoReply, Refused, and Conflict for another
        question under the same id.
        """
        return await request_reply.ask(self, to, question, correlation, seconds)

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
        await self._often(RELAY_SECONDS, self.outbox_relay.relay)

    async def sweep(self, topics: dict[str, list[str]]) -> None:
        """Find what Redis lost, shorten the streams, forget what is long done. Raises Away."""
        for topic, groups in topics.items():
            stream = self.outbox_relay.stream(topic)
            await maintenance.find_lost(self.database, self.redis_client, stream, topic)
            await maintenance.trim(self.redis_client, stream, groups)
        await maintenance.prune(self.database)

    async def _often(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except RedisUnavailable:
                log.debug("redis is away, the bus waits")
            except Exception:
                log.exception("the bus goes on after an error")
            await asyncio.sleep(seconds)


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    """The bus over the journal that is open here. Raises LookupError outside of `open_runtime`."""
    redis_client = RedisClient(settings)
    bus = Bus(runtime(), redis_client)
    marking = asyncio.create_task(bus._often(MARK_SECONDS, bus.outbox_relay.mark))  # noqa: SLF001
    try:
        yield bus
    finally:
        marking.cancel()
        await asyncio.gather(marking, return_exceptions=True)
        await bus.outbox_relay.mark()
        await redis_client.close()

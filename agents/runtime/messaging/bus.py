"""The bus for its users: publish, serve subscriptions, request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from agents.runtime.context import runtime
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import subscriptions as subscriptions_table
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
    """Messages between agents, over the open runtime of this process."""

    async def request(
        self, to: RequestReply[Q, A], question: Q, *, correlation: str, seconds: float
    ) -> A:
        """Send a question and wait up to `seconds` for its answer.

        A question with the same correlation id is the same question: it is answered once, and asking
        again returns the stored answer, also after a restart. Raises NoReply, RequestRefused, and
        Conflict for another question under the same id.
        """
        return await request_reply.ask(self, to, question, correlation, seconds)

    async def serve(self, subscriptions: Sequence[Subscription]) -> None:
        """Handle messages of these subscriptions, relay and sweep, until cancelled."""
        await self.register(subscriptions)
        topics = {subscription.topic.name: list[str]() for subscription in subscriptions}
        for subscription in subscriptions:
            topics[subscription.topic.name].append(subscription.group)
        async with asyncio.TaskGroup() as group:
            for subscription in subscriptions:
                group.create_task(Subscriber(self, subscription).run())
            group.create_task(self.relay_until_cancelled())
            group.create_task(self._repeat(SWEEP_SECONDS, lambda: self.sweep(topics)))

    async def register(self, subscriptions: Sequence[Subscription]) -> None:
        """Make the groups durable: from now on the journal keeps messages until they handle them."""
        async with self.database.write() as connection:
            for subscription in subscriptions:
                row = {"topic": subscription.topic.name, "grp": subscription.group, "since": now()}
                await connection.execute(insert_new(connection, subscriptions_table).values(row))

    async def relay_until_cancelled(self) -> None:
        """Relay messages that their publishers have not added to a stream, until cancelled."""
        await self._repeat(RELAY_SECONDS, self.outbox_relay.relay)

    async def sweep(self, topics: dict[str, list[str]]) -> None:
        """Find lost messages, trim the streams, delete old messages. Raises RedisUnavailable."""
        for topic, groups in topics.items():
            stream = self.outbox_relay.stream(topic)
            await maintenance.find_lost(self.database, self.redis_client, stream, topic)
            await maintenance.trim(self.redis_client, stream, groups)
        await maintenance.prune(self.database)

    async def _repeat(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except RedisUnavailable:
                log.debug("redis is unavailable, the bus waits")
            except Exception:
                log.exception("the bus continues after an error")
            await asyncio.sleep(seconds)


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    """The bus over the open runtime. Raises NotOpen outside of `open_runtime`."""
    redis_client = RedisClient(settings)
    bus = Bus(runtime(), redis_client)
    marking = asyncio.create_task(bus._repeat(MARK_SECONDS, bus.outbox_relay.mark_published))  # noqa: SLF001 - its own bus
    try:
        yield bus
    finally:
        marking.cancel()
        await asyncio.gather(marking, return_exceptions=True)
        try:
            await bus.outbox_relay.mark_published()
        finally:
            await redis_client.close()

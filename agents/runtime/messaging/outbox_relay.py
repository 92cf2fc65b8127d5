"""From the journal's rows to Redis streams: by the publisher at once, by any relay if that fails."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Row, and_, select, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import messages
from agents.runtime.journal.statements import values_of
from agents.runtime.messaging.inbox import unfinished
from agents.runtime.model.message import Envelope, pack
from agents.runtime.redis.client import RedisClient
from agents.runtime.testing import failpoint

if TYPE_CHECKING:
    from redis.asyncio import Redis

CARRY_SECONDS = 2.0  # for the publisher itself; after them any relay carries the message
AT_ONCE = 500
CARRY_LIMIT = 2.0  # seconds


class OutboxRelay:
    """Puts messages into streams. Rows say in which life of Redis, its `epoch`, they were.

    When Redis comes back empty its epoch is gone: all that is unfinished is published again.
    """

    def __init__(self, database: Database, redis_client: RedisClient) -> None:
        self._database, self._redis_client = database, redis_client
        self._epoch_key = redis_client.key("bus", "epoch")
        self._seen: str | None = None
        self._carried: dict[str, list[str]] = {}

    def stream(self, topic: str) -> str:
        """The name of the topic's stream."""
        return self._redis_client.key("bus", topic)

    async def carry(self, envelopes: Sequence[Envelope]) -> None:
        """Add messages to their streams. Raises Away; what was added may be added once more."""

        async def add(redis: "Redis") -> list[Any]:
            async with redis.pipeline(transaction=True) as pipe:
                pipe.get(self._epoch_key)
                for envelope in envelopes:
                    fields: dict[Any, Any] = dict(pack(envelope))
                    pipe.xadd(self.stream(envelope.topic), fields)
                return list(await pipe.execute())

        if envelopes:
            epoch = (await self._redis_client.run(add, CARRY_LIMIT))[0]
            failpoint("bus:carried")
            # Where no relay has named the epoch yet, the first one to do so publishes them again.
            if epoch is not None:
                self._carried.setdefault(epoch.decode(), []).extend(e.id for e in envelopes)

    async def mark(self) -> None:
        """Write down what was carried; who dies before it has it published twice, no more."""
        for epoch in list(self._carried):
            ids = self._carried.pop(epoch)
            async with self._database.write() as connection:
                mine = messages.c.id.in_(select(values_of(connection, ids).c.value))
                await connection.execute(update(messages).where(mine).values(epoch=epoch))

    async def relay(self) -> int:
        """Carry what nobody else has carried; returns how many messages. Raises Away."""
        await self._enter(await self._epoch())
        rows = await self._take()
        failpoint("bus:taken")
        await self.carry([_envelope(row) for row in rows])
        await self.mark()
        return len(rows)

    async def _epoch(self) -> str:
        async def ask(redis: "Redis") -> bytes:
            fresh = uuid.uuid4().hex
            if await redis.set(self._epoch_key, fresh, nx=True):
                return fresh.encode()
            return cast("bytes", await redis.get(self._epoch_key) or b"")

        return (await self._redis_client.run(ask)).decode()

    async def _enter(self, epoch: str) -> None:
        """In a new life of Redis everything unfinished is published again."""
        if epoch == self._seen:
            return
        async with self._database.write() as connection:
            elsewhere = and_(messages.c.epoch.is_not(None), messages.c.epoch != epoch)
            await connection.execute(
                update(messages).where(elsewhere, unfinished()).values(epoch=None, relay_at=now())
            )
        self._seen = epoch

    async def _take(self) -> Sequence[Row[Any]]:
        """Messages whose publisher has had its time, for this relay alone for a while."""
        due = (
            select(messages.c.id)
            .where(messages.c.epoch.is_(None), messages.c.relay_at <= now())
            .order_by(messages.c.relay_at)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as connection:
            result = await connection.execute(
                update(messages)
                .where(messages.c.id.in_(due))
                .values(relay_at=now() + CARRY_SECONDS)
                .returning(messages)
            )
            taken = list(result.all())
        # In the order they were said, as far as one relay can tell.
        return sorted(taken, key=lambda row: (row.at, row.item or 0, row.sequence or 0))


def _envelope(row: Row[Any]) -> Envelope:
    return Envelope(**{name: getattr(row, name) for name in Envelope.model_fields})

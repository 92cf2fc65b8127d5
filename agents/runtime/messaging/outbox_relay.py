"""The relay from the journal's rows to Redis streams: the publisher does it, or else any process."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Row, and_, or_, select, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import messages
from agents.runtime.journal.statements import values_of
from agents.runtime.messaging.inbox import unfinished
from agents.runtime.model.message import Envelope, pack
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.signals import signal_key
from agents.runtime.testing import failpoint

if TYPE_CHECKING:
    from redis.asyncio import Redis

PUBLISHER_SECONDS = 2.0  # after these any relay may publish a message, not only its publisher
AT_ONCE = 500
ADD_SECONDS = 2.0  # the time limit of one call that adds messages to streams


@dataclass(frozen=True, slots=True)
class ReplyWait:
    """The signal of a reply, and for how many `seconds` to wait for it."""

    signal: str
    seconds: float


class OutboxRelay:
    """Adds messages to streams. Their rows have the `epoch` of the Redis in which they were added.

    A Redis that lost its data has another epoch; then all unfinished messages are published again.
    """

    def __init__(self, database: Database, redis_client: RedisClient) -> None:
        self._database, self._redis_client = database, redis_client
        self._epoch_key = redis_client.key("bus", "epoch")
        self._known_epoch: str | None = None
        self._published: dict[str, list[str]] = {}

    def stream(self, topic: str) -> str:
        """The name of the topic's stream."""
        return self._redis_client.key("bus", topic)

    async def publish(
        self, envelopes: Sequence[Envelope], reply: ReplyWait | None = None
    ) -> bytes | None:
        """Add messages to their streams, and wait for the `reply` if there is one, in one round trip.

        Returns the reply, or None. Raises RedisUnavailable, and then may have added some.
        """

        async def add(redis: "Redis") -> list[Any]:
            async with redis.pipeline(transaction=False) as pipe:
                # Read before they are added: if Redis loses its data in between, they are added again.
                pipe.get(self._epoch_key)
                for envelope in envelopes:
                    fields: dict[Any, Any] = dict(pack(envelope))
                    pipe.xadd(self.stream(envelope.topic), fields)
                if reply is not None:
                    pipe.blpop([signal_key(reply.signal)], timeout=reply.seconds)
                return list(await pipe.execute())

        if not envelopes:
            return None
        seconds = ADD_SECONDS + (0.0 if reply is None else reply.seconds)
        epoch, *_, last = await self._redis_client.run(add, seconds)
        failpoint("bus:published")
        # Without an epoch the messages stay unmarked, and the first relay publishes them again.
        if epoch is not None:
            self._published.setdefault(epoch.decode(), []).extend(e.id for e in envelopes)
        return None if reply is None or last is None else last[1]

    async def mark_published(self) -> None:
        """Write the epoch of published messages; after a crash before it they are published twice."""
        for epoch in list(self._published):
            ids = self._published.pop(epoch)
            async with self._database.write(len(ids)) as connection:
                added = messages.c.id.in_(select(values_of(connection, ids).c.value))
                await connection.execute(update(messages).where(added).values(epoch=epoch))

    async def relay(self) -> int:
        """Publish messages whose publisher has not; returns how many. Raises RedisUnavailable."""
        await self._republish_lost(await self._epoch())
        rows = await self._claim_due()
        failpoint("bus:claimed")
        await self.publish([_envelope(row) for row in rows])
        await self.mark_published()
        return len(rows)

    async def _epoch(self) -> str:
        """The epoch of this Redis; a new one if it has none."""

        async def ask(redis: "Redis") -> bytes:
            fresh = uuid.uuid4().hex
            if await redis.set(self._epoch_key, fresh, nx=True):
                return fresh.encode()
            return cast("bytes", await redis.get(self._epoch_key) or b"")

        return (await self._redis_client.run(ask)).decode()

    async def _republish_lost(self, epoch: str) -> None:
        """In a new epoch, have all unfinished messages of earlier epochs published again."""
        if epoch == self._known_epoch:
            return
        async with self._database.write() as connection:
            elsewhere = and_(messages.c.epoch.is_not(None), messages.c.epoch != epoch)
            await connection.execute(
                update(messages).where(elsewhere, unfinished()).values(epoch=None, relay_at=now())
            )
        self._known_epoch = epoch

    async def _claim_due(self) -> Sequence[Row[Any]]:
        """Claim messages that are due to be relayed; other relays skip them for a while."""
        # No message waits for longer than its publisher may take: a later time is of a wrong clock.
        at, latest = messages.c.relay_at, now() + PUBLISHER_SECONDS
        due = (
            select(messages.c.id)
            .where(messages.c.epoch.is_(None), or_(at <= now(), at > latest))
            .order_by(messages.c.relay_at)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as connection:
            result = await connection.execute(
                update(messages)
                .where(messages.c.id.in_(due))
                .values(relay_at=now() + PUBLISHER_SECONDS)
                .returning(messages)
            )
            claimed = list(result.all())
        # By time of publication, which orders the messages of one relay only.
        return sorted(claimed, key=lambda row: (row.at, row.item or 0, row.sequence or 0))


def _envelope(row: Row[Any]) -> Envelope:
    return Envelope(**{name: getattr(row, name) for name in Envelope.model_fields})

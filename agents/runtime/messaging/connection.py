"""A process's connection to the bus, and the transaction by which messages are published."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.context import Runtime
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import messages, positions
from agents.runtime.journal.statements import insert_new, insert_or_change
from agents.runtime.messaging.inbox import InboxWriter
from agents.runtime.messaging.isolation import Isolation
from agents.runtime.messaging.outbox_relay import CARRY_SECONDS, OutboxRelay
from agents.runtime.model.message import Envelope, M, Topic
from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.redis.signals import Signals
from agents.runtime.telemetry import get_logger, traceparent
from agents.runtime.testing import failpoint

log = get_logger(__name__)


@dataclass(slots=True)
class Transaction:
    """A transaction of the journal, and the messages that are published if it commits.

    A relay carries them after `patience` seconds, if whoever has committed them has not.
    """

    connection: AsyncConnection
    posted: list[Envelope] = field(default_factory=list)
    patience: float = CARRY_SECONDS

    async def publish(
        self, topic: Topic[M], body: M, *, item: int | None = None, key: str | None = None
    ) -> str:
        """Publish with this transaction; returns the message's id. Raises TooLarge.

        Messages of one item, by its id in the journal, are handled in their order. With a `key`
        the same message is published once, however often this is said.
        """
        name = uuid.uuid4().hex if key is None else f"{topic.name}:{key}"
        sequence = None if item is None else await _next(self.connection, item)
        envelope = Envelope(
            id=name,
            topic=topic.name,
            version=topic.version,
            item=item,
            sequence=sequence,
            trace=traceparent(),
            body=topic.encode(body),
        )
        if await _write(self.connection, envelope, self.patience):
            self.posted.append(envelope)
        return envelope.id


async def publish(
    connection: AsyncConnection, topic: Topic[M], body: M, *, item: int | None = None
) -> str:
    """Publish with a transaction that is open already; a relay carries it within a second."""
    return await Transaction(connection, patience=0.0).publish(topic, body, item=item)


async def _next(connection: AsyncConnection, item: int) -> int:
    """The item's next number. Its row stays locked: who comes later in order commits later."""
    following = {"sequence": positions.c.sequence + 1}
    upsert = insert_or_change(connection, positions, following).values(item=item, sequence=1)
    result = await connection.execute(upsert.returning(positions.c.sequence))
    return int(result.scalar_one())


async def _write(connection: AsyncConnection, envelope: Envelope, patience: float) -> bool:
    row = envelope.model_dump() | {"at": now(), "relay_at": now() + patience}
    new = insert_new(connection, messages).values(row).returning(messages.c.id)
    return (await connection.execute(new)).first() is not None


class Connection:
    """What every part of the bus uses: the journal's database, Redis, and the name of this process."""

    def __init__(self, here: Runtime, redis_client: RedisClient) -> None:
        self.database, self.redis_client = here.journal.database, redis_client
        self.signals = Signals(redis_client)
        self.name, self.lease = here.lease.id, here.lease.seconds
        self.outbox_relay = OutboxRelay(self.database, redis_client)
        self.inbox_writer = InboxWriter(self.database)
        self.isolation = Isolation()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction of the journal in which messages are published; they go out at its commit.

        If Redis is away then, they go out when it is back.
        """
        async with self.database.write() as connection:
            transaction = Transaction(connection)
            yield transaction
        if transaction.posted:
            failpoint("bus:committed")
            try:
                await self.outbox_relay.carry(transaction.posted)
            except RedisUnavailable:
                log.info("messages wait in the journal", count=len(transaction.posted))

    async def publish(self, topic: Topic[M], body: M, *, item: int | None = None) -> str:
        """Publish one message that belongs to no other state change; returns its id."""
        async with self.transaction() as transaction:
            return await transaction.publish(topic, body, item=item)

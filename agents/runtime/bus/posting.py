"""Say something together with a state change: the message is a row of the same transaction."""

import uuid
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.bus.topics import M, Topic
from agents.runtime.bus.wire import Envelope
from agents.runtime.journal.database import now
from agents.runtime.journal.rows import insert_new, insert_or_change
from agents.runtime.journal.schema import messages, positions
from agents.runtime.telemetry import traceparent

CARRY_SECONDS = 2.0  # the publisher itself has so long; then any relay carries the message


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

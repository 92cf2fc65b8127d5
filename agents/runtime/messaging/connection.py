"""A process's connection to the bus, transactions that publish messages, and isolation of suspects."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Double, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.context import Runtime
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_secrets import shared_secret
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import messages, positions
from agents.runtime.journal.statements import is_sqlite, upsert
from agents.runtime.messaging.inbox import InboxWriter
from agents.runtime.messaging.outbox_relay import PUBLISHER_SECONDS, OutboxRelay, ReplyWait
from agents.runtime.model.message import Envelope, M, Topic
from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.redis.signals import Signals
from agents.runtime.telemetry import get_logger, traceparent
from agents.runtime.testing import failpoint

log = get_logger(__name__)

# How long isolation waits for other handlers. Handlers may wait for each other, so not for ever.
ISOLATION_SECONDS = 1.0


@dataclass(slots=True)
class Transaction:
    """A transaction of the journal, and the messages that it publishes if it commits.

    Any relay adds them to their streams after `relay_after` seconds if the publisher has not.
    """

    connection: AsyncConnection
    envelopes: list[Envelope] = field(default_factory=list)
    relay_after: float = PUBLISHER_SECONDS

    async def publish(
        self, topic: Topic[M], body: M, *, item: int | None = None, key: str | None = None
    ) -> str:
        """Publish with this transaction; returns the message's id. Raises TooLarge.

        Messages of one `item`, its id in the journal, are handled in their order. A message with a
        `key` is published only once.
        """
        place = None if item is None else (item, await _next_sequence(self.connection, item))
        envelope = enveloped(topic, body, key=key, place=place)
        new = new_message(by_sqlite=is_sqlite(self.connection))
        if await fetch(self.connection, new, row_of(envelope, self.relay_after)):
            self.envelopes.append(envelope)
        return envelope.id


def enveloped(
    topic: Topic[M], body: M, *, key: str | None = None, place: tuple[int, int] | None = None
) -> Envelope:
    """The message that is published; `place` is its item and the sequence number of that."""
    item, sequence = place or (None, None)
    return Envelope(
        id=uuid.uuid4().hex if key is None else f"{topic.name}:{key}",
        topic=topic.name,
        version=topic.version,
        item=item,
        sequence=sequence,
        trace=traceparent(),
        body=topic.encode(body),
    )


async def publish(
    connection: AsyncConnection, topic: Topic[M], body: M, *, item: int | None = None
) -> str:
    """Publish with an open transaction of the journal; a relay sends the message within a second."""
    return await Transaction(connection, relay_after=0.0).publish(topic, body, item=item)


async def _next_sequence(connection: AsyncConnection, item: int) -> int:
    """The item's next sequence number. Its row stays locked, so commits follow the sequence."""
    following = _following(by_sqlite=is_sqlite(connection))
    return int((await connection.execute(following, {"item": item})).scalar_one())


@cache
def _following(*, by_sqlite: bool) -> Any:
    new = upsert(positions, by_sqlite=by_sqlite).values(item=bindparam("item"), sequence=1)
    return new.on_conflict_do_update(
        index_elements=[positions.c.item], set_={"sequence": positions.c.sequence + 1}
    ).returning(positions.c.sequence)


def row_of(envelope: Envelope, relay_after: float = PUBLISHER_SECONDS) -> dict[str, Any]:
    """The parameters of `new_message`."""
    return envelope.model_dump() | {"relay_after": relay_after}


@cache
def new_message(*, by_sqlite: bool) -> Any:
    """SQL: insert the message; its id comes back if there was none with it."""
    row: dict[str, Any] = {name: bindparam(name) for name in Envelope.model_fields}
    relay_at = now() + bindparam("relay_after", type_=Double())
    new = upsert(messages, by_sqlite=by_sqlite).values(**row, at=now(), relay_at=relay_at)
    return new.on_conflict_do_nothing().returning(messages.c.id)


class Isolation:
    """Lets one handler of a process run alone: a message that may have crashed a process before."""

    def __init__(self) -> None:
        self._running = 0
        self._idle, self._open, self._turn = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._idle.set()
        self._open.set()

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Run beside other handlers, after one that runs alone."""
        await _wait_briefly(self._open)
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run without other handlers, as far as they end in time."""
        async with self._turn:
            self._open.clear()
            try:
                await _wait_briefly(self._idle)
                yield
            finally:
                self._open.set()


async def _wait_briefly(event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(ISOLATION_SECONDS):
            await event.wait()


class Connection:
    """What every part of the bus uses: the journal's database, Redis, and the id of this process."""

    def __init__(self, opened: Runtime, redis_client: RedisClient) -> None:
        self.database, self.redis_client = opened.journal.database, redis_client
        self.signals = Signals(redis_client)
        self.name, self.lease = opened.lease.id, opened.lease.seconds
        self.outbox_relay = OutboxRelay(self.database, redis_client)
        self.inbox_writer = InboxWriter(self.database)
        self.isolation = Isolation()
        self._secret: bytes | None = None

    async def secret(self) -> bytes:
        """The secret by which processes of one journal know each other's replies; read once."""
        if self._secret is None:
            self._secret = await shared_secret(self.database, "replies")
        return self._secret

    @asynccontextmanager
    async def transaction(
        self, rows: int | None = None, *, single: bool = False
    ) -> AsyncIterator[Transaction]:
        """A transaction of the journal; messages that it publishes are sent after its commit.

        If Redis is unavailable, they are sent when it is back. For `rows` and `single` see
        `Database.write`.
        """
        async with self.database.write(rows, single=single) as connection:
            transaction = Transaction(connection)
            yield transaction
        await self.send(transaction.envelopes)

    async def send(
        self, envelopes: Sequence[Envelope], reply: ReplyWait | None = None
    ) -> bytes | None:
        """Send messages that are committed; returns the `reply`, if there is one to wait for and it comes."""
        if not envelopes:
            return None
        failpoint("bus:committed")
        try:
            return await self.outbox_relay.publish(envelopes, reply)
        except RedisUnavailable:
            count = len(envelopes)
            log.info("redis is unavailable, messages wait in the journal", count=count)
        return None

    async def publish(self, topic: Topic[M], body: M, *, item: int | None = None) -> str:
        """Publish one message in a transaction of its own; returns its id."""
        async with self.transaction(rows=1, single=item is None) as transaction:
            return await transaction.publish(topic, body, item=item)

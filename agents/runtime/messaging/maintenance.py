"""Maintenance of streams and rows: find lost messages, trim streams, delete handled messages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, literal, select, update

from agents.runtime.errors import AgentError
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import inbox, messages, requests, subscriptions
from agents.runtime.messaging.inbox import handled, unfinished
from agents.runtime.messaging.outbox_relay import OutboxRelay
from agents.runtime.redis.client import RedisClient
from agents.runtime.testing import failpoint

if TYPE_CHECKING:
    from redis.asyncio import Redis

SETTLED_SECONDS = 3.0  # a message that was published earlier than this has reached its stream
KEPT_SECONDS = 86_400.0  # for handled messages and replies: late groups and repeated questions
AT_ONCE = 1_000


async def find_lost(database: Database, redis_client: RedisClient, stream: str, topic: str) -> int:
    """Have messages published again that their stream has lost; returns how many.

    They are lost if a group has read its stream to the end and has nothing pending, while the journal
    has messages that it has not handled: Redis lost its last second, or the stream was trimmed.
    """
    groups, last = await _groups(redis_client, stream)
    lost = 0
    for group in groups:
        if group["pending"] == 0 and group["last-delivered-id"] == last:
            lost += await _publish_again(database, topic, group["name"].decode())
    failpoint("bus:maintained")
    return lost


async def trim(redis_client: RedisClient, stream: str, durable: Sequence[str]) -> None:
    """Trim a stream up to the first entry that a durable group has pending or has not read."""
    groups, _ = await _groups(redis_client, stream)
    if not {group["name"].decode() for group in groups}.issuperset(durable) or not groups:
        return

    async def cut(redis: "Redis") -> None:
        lowest = list[bytes]()
        for group in groups:
            pending = await redis.xpending(stream, group["name"])
            lowest.append(pending["min"] or group["last-delivered-id"])
        await redis.xtrim(stream, minid=min(lowest, key=_as_numbers), approximate=False)

    await redis_client.run(cut)


async def prune(database: Database) -> int:
    """Delete messages that all groups handled long ago, with their inbox and request rows."""
    old = select(messages.c.id).where(messages.c.at < now() - KEPT_SECONDS, ~unfinished())
    async with database.write() as connection:
        ids = list(await connection.scalars(old.limit(AT_ONCE)))
        for column in (inbox.c.message, requests.c.message, messages.c.id):
            await connection.execute(delete(column.table).where(column.in_(ids)))
    return len(ids)


async def _publish_again(database: Database, topic: str, group: str) -> int:
    durable = exists().where(subscriptions.c.topic == topic, subscriptions.c.grp == group)
    missing = (messages.c.topic == topic) & ~handled(literal(group))
    at = messages.c.relay_at
    recent = at.between(now() - SETTLED_SECONDS, now() + SETTLED_SECONDS)
    settled = messages.c.epoch.is_not(None) & ~recent
    async with database.write() as connection:
        result = await connection.execute(
            update(messages).where(missing, settled, durable).values(epoch=None, relay_at=now())
        )
    return int(result.rowcount)


async def _groups(redis_client: RedisClient, stream: str) -> tuple[list[dict[str, Any]], bytes]:
    from redis.exceptions import ResponseError  # noqa: PLC0415 - see RedisClient

    async def ask(redis: "Redis") -> tuple[list[dict[str, Any]], bytes]:
        try:
            groups: list[dict[str, Any]] = await redis.xinfo_groups(stream)
            about: dict[str, Any] = await redis.xinfo_stream(stream)
        except ResponseError:  # there is no such stream yet
            return [], b""
        return groups, about["last-generated-id"]

    return await redis_client.run(ask)


def _as_numbers(entry: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in entry.split(b"-"))


class UnknownGroup(AgentError):
    """There is no durable group of this name."""

    def __init__(self, topic: str, group: str) -> None:
        super().__init__(topic, group)
        self.topic, self.group = topic, group

    def __str__(self) -> str:
        return f"topic {self.topic!r} has no group {self.group!r}"


async def unsubscribe(
    database: Database, redis_client: RedisClient, topic: str, group: str
) -> None:
    """Remove a durable group; a process that serves it creates it again at its next start.

    Raises UnknownGroup, and RedisUnavailable if Redis is in use but cannot be reached: try again.
    """
    stream = OutboxRelay(database, redis_client).stream(topic)

    async def destroy(redis: "Redis") -> int:
        return int(await redis.xgroup_destroy(stream, group)) if await redis.exists(stream) else 0

    destroyed = await redis_client.run(destroy) if redis_client.in_use() else 0
    gone = (subscriptions.c.topic == topic) & (subscriptions.c.grp == group)
    async with database.write() as connection:
        removed = (await connection.execute(delete(subscriptions).where(gone))).rowcount
    if not removed and not destroyed:
        raise UnknownGroup(topic, group)

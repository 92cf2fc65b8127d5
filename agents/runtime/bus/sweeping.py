"""What keeps streams and rows in step and small: lost messages come back, handled ones go."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, literal, select, update

from agents.runtime.bus.inbox import handled, unfinished
from agents.runtime.faultpoints import point
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import inbox, messages, requests, subscriptions
from agents.runtime.redis.link import Link

if TYPE_CHECKING:
    from redis.asyncio import Redis

SETTLED_SECONDS = 3.0  # a message that was published so long ago has reached its stream
KEPT_SECONDS = 86_400.0  # handled messages and replies, for late groups and repeated questions
AT_ONCE = 1_000


async def find_lost(database: Database, link: Link, stream: str, topic: str) -> int:
    """Have messages published again that no stream holds any more; returns how many.

    A group that has read its stream to the end and holds nothing, while the journal knows messages
    it has not handled, has lost them: Redis forgot its last second, or somebody trimmed it.
    """
    groups, last = await _groups(link, stream)
    lost = 0
    for group in groups:
        if group["pending"] == 0 and group["last-delivered-id"] == last:
            lost += await _publish_again(database, topic, group["name"].decode())
    point("bus:swept")
    return lost


async def trim(link: Link, stream: str, durable: Sequence[str]) -> None:
    """Shorten a stream, never past what a durable group has pending or has not read."""
    groups, _ = await _groups(link, stream)
    if not {group["name"].decode() for group in groups}.issuperset(durable) or not groups:
        return

    async def cut(redis: "Redis") -> None:
        lowest = list[bytes]()
        for group in groups:
            pending = await redis.xpending(stream, group["name"])
            lowest.append(pending["min"] or group["last-delivered-id"])
        await redis.xtrim(stream, minid=min(lowest, key=_order), approximate=False)

    await link.run(cut)


async def prune(database: Database) -> int:
    """Forget messages that all groups handled long ago, with what was noted about them."""
    old = select(messages.c.id).where(messages.c.at < now() - KEPT_SECONDS, ~unfinished())
    async with database.write() as connection:
        ids = list(await connection.scalars(old.limit(AT_ONCE)))
        for column in (inbox.c.message, requests.c.message, messages.c.id):
            await connection.execute(delete(column.table).where(column.in_(ids)))
    return len(ids)


async def _publish_again(database: Database, topic: str, group: str) -> int:
    durable = exists().where(subscriptions.c.topic == topic, subscriptions.c.grp == group)
    missing = (messages.c.topic == topic) & ~handled(literal(group))
    settled = messages.c.epoch.is_not(None) & (messages.c.relay_at < now() - SETTLED_SECONDS)
    async with database.write() as connection:
        result = await connection.execute(
            update(messages).where(missing, settled, durable).values(epoch=None, relay_at=now())
        )
    return int(result.rowcount)


async def _groups(link: Link, stream: str) -> tuple[list[dict[str, Any]], bytes]:
    from redis.exceptions import ResponseError  # noqa: PLC0415 - see Link

    async def ask(redis: "Redis") -> tuple[list[dict[str, Any]], bytes]:
        try:
            groups: list[dict[str, Any]] = await redis.xinfo_groups(stream)
            about: dict[str, Any] = await redis.xinfo_stream(stream)
        except ResponseError:  # there is no such stream yet
            return [], b""
        return groups, about["last-generated-id"]

    return await link.run(ask)


def _order(entry: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in entry.split(b"-"))

"""A durable group that nobody serves any more: its topic stops keeping messages for it."""

from typing import TYPE_CHECKING

from sqlalchemy import delete

from agents.runtime.bus.carrier import Carrier
from agents.runtime.errors import AgentError
from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import subscriptions
from agents.runtime.redis.link import Link

if TYPE_CHECKING:
    from redis.asyncio import Redis


class UnknownGroup(AgentError):
    """There is no such durable group."""

    def __init__(self, topic: str, group: str) -> None:
        super().__init__(topic, group)
        self.topic, self.group = topic, group

    def __str__(self) -> str:
        return f"topic {self.topic!r} has no group {self.group!r}"


async def leave(database: Database, link: Link, topic: str, group: str) -> None:
    """Remove the group. A process that still serves it makes it anew when it starts again.

    Raises UnknownGroup, and Away if there is a Redis that cannot be told: say it again then.
    """
    stream = Carrier(database, link).stream(topic)

    async def destroy(redis: "Redis") -> int:
        return int(await redis.xgroup_destroy(stream, group)) if await redis.exists(stream) else 0

    destroyed = await link.run(destroy) if link.in_use() else 0
    gone = (subscriptions.c.topic == topic) & (subscriptions.c.grp == group)
    async with database.write() as connection:
        removed = (await connection.execute(delete(subscriptions).where(gone))).rowcount
    if not removed and not destroyed:
        raise UnknownGroup(topic, group)

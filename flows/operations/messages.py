"""Messages: what the bus could not deliver, let go again when that is mended; groups that are no more.

`python -m flows.operations` has them as commands.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.messaging import dead_letters, maintenance
from agents.runtime.redis.client import RedisClient
from agents.runtime.settings import settings
from flows.cli.reports import Listing, shown

SHOWN_BYTES = 80


@flow(name="dead-messages", persist_result=False)
async def dead_messages(most: Annotated[int, Field(ge=1, le=10_000)] = 100) -> Listing:
    """List the messages that no group could handle, the oldest first.

    Args:
        most: At most so many.

    """
    async with open_runtime(settings()) as opened:
        found = await dead_letters.open_dead_messages(opened.journal.database, most)
    table = [
        {
            "message": row.id,
            "topic": row.topic,
            "group": row.grp,
            "reason": row.reason,
            "error": row.error,
            "deliveries": str(row.deliveries),
            "begins": repr(row.body[:SHOWN_BYTES]),
        }
        for row in found
    ]
    listing = Listing(title=f"{len(table)} dead messages", table=table)
    return await shown("dead-messages", listing)


@flow(name="redeliver-message", persist_result=False)
async def redeliver_message(message: str) -> Listing:
    """Let a dead message be delivered again, when what was wrong is mended.

    Args:
        message: Its id, as dead-messages lists it.

    """
    async with open_runtime(settings()) as opened:
        await dead_letters.redeliver(opened.journal.database, message)
    return Listing(title=f"{message} will be delivered again")


@flow(name="remove-group", persist_result=False)
async def remove_group(topic: str, group: str) -> Listing:
    """Keep no messages any more for a durable group that nobody serves.

    Args:
        topic: The topic's name.
        group: The group's name, as its subscription has it.

    """
    redis_client = RedisClient(settings())
    try:
        async with open_runtime(settings()) as opened:
            await maintenance.unsubscribe(opened.journal.database, redis_client, topic, group)
    finally:
        await redis_client.close()
    return Listing(title=f"{topic} keeps nothing for {group} any more")

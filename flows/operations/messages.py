"""Messages that could not be delivered, and groups that nobody serves any more.

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


@flow(name="dead-messages", flow_run_name="dead messages", persist_result=False)
async def dead_messages(most: Annotated[int, Field(ge=1, le=10_000)] = 100) -> Listing:
    """List the messages that a group could not handle, the oldest first.

    Example: `uv run python -m flows.operations dead-messages`

    Args:
        most: Rows to list at most, 1 to 10,000.

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


@flow(name="redeliver-message", flow_run_name="redeliver {message}", persist_result=False)
async def redeliver_message(message: str) -> Listing:
    """Deliver a dead message again, after its cause has been removed.

    Example: `uv run python -m flows.operations redeliver-message --message 018f3a6e`

    Args:
        message: Id of the message, as dead-messages lists it.

    """
    async with open_runtime(settings()) as opened:
        await dead_letters.redeliver(opened.journal.database, message)
    return Listing(title=f"{message} will be delivered again")


@flow(name="remove-group", flow_run_name="remove group {group}", persist_result=False)
async def remove_group(topic: str, group: str) -> Listing:
    """Remove a durable group that nobody serves any more, so that no messages are kept for it.

    Example: `uv run python -m flows.operations remove-group --topic orders.ended --group notifications`

    Args:
        topic: Name of the topic, such as orders.ended.
        group: Name of the group, as its subscription declares it.

    """
    redis_client = RedisClient(settings())
    try:
        async with open_runtime(settings()) as opened:
            await maintenance.unsubscribe(opened.journal.database, redis_client, topic, group)
    finally:
        await redis_client.close()
    return Listing(title=f"{topic} keeps no more messages for {group}")

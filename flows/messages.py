"""Dead messages: what the bus could not deliver, listed, and let go again when the cause is mended.

`python -m flows.operations` has them as commands.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.bus import dead
from agents.runtime.journal import open_journal
from agents.runtime.settings import settings
from flows.listings import Listing, shown

SHOWN_BYTES = 80


@flow(name="dead-messages", persist_result=False)
async def dead_messages(most: Annotated[int, Field(ge=1, le=10_000)] = 100) -> Listing:
    """List the messages that no group could handle, the oldest first.

    Args:
        most: At most so many.

    """
    async with open_journal(settings()) as journal:
        found = await dead.dead(journal.database, most)
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


@flow(name="revive-message", persist_result=False)
async def revive_message(message: str) -> Listing:
    """Let a dead message be delivered again, when what was wrong is mended.

    Args:
        message: Its id, as dead-messages lists it.

    """
    async with open_journal(settings()) as journal:
        await dead.revive(journal.database, message)
    return Listing(title=f"{message} will be delivered again")

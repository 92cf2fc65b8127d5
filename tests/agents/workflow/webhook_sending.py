"""A child process of tests: ends orders one after the other, and delivers their events meanwhile.

`python -m tests.agents.workflow.webhook_sending DATA HOST`
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from agents.runtime.context import open_runtime
from agents.runtime.settings import Settings
from agents.runtime.shutdown import Stop
from agents.services.fetching.posting import Poster
from agents.workflow.webhook_delivery import Sender
from tests.agents.workflow.webhook_items import end_orders


def settings_of(data: str) -> Settings:
    """The settings of the child and of the process that goes on after it."""
    return Settings(data=Path(data))


async def main(data: str, host: str) -> None:
    """End orders until this process is killed."""
    async with open_runtime(settings_of(data)) as opened:
        sender = Sender(opened.journal.database, Poster(frozenset({host})))
        sending = asyncio.create_task(sender.run(Stop()))
        for number in count():
            await end_orders(opened, f"W{number}")
        await sending


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))

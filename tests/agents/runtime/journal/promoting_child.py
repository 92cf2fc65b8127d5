"""`python -m tests.agents.runtime.journal.promoting_child URL`: killed right before its promotion's commit."""

import asyncio
import os
import signal
import sys

from sqlalchemy import event

from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database
from agents.runtime.journal.rollouts import promote


async def main(url: str) -> None:
    database = Database(url)
    event.listen(
        database.engine.sync_engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL)
    )
    await promote(Journal(database, "default", "here"), "jobs", "bob", "in a hurry")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""`python -m tests.agents.runtime.journal.promoting_child URL`: killed in the middle of a promotion."""

import asyncio
import sys

from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database
from agents.runtime.journal.rollouts import promote
from agents.runtime.testing import arm


async def main(url: str) -> None:
    await promote(Journal(Database(url), "default", "here"), "jobs", "bob", "in a hurry")


if __name__ == "__main__":
    arm({"rollout:changed": 1})
    asyncio.run(main(sys.argv[1]))

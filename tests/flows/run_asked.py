"""`python -m tests.flows.run_asked POINT`: carries out what was asked for, and dies at a fail point."""

import asyncio
import sys

from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from agents.runtime.testing import arm
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS


async def main(point: str) -> None:
    """Carry out the analyses until the first hit of the point."""
    async with open_runtime(settings()):
        WORKFLOWS["analyses"].load()
        arm({point: 1})
        await finish(WORKFLOWS["analyses"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

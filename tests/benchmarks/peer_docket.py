"""pydocket, the queue that Prefect's own server uses, on Redis: tasks that do nothing, and orders.

python -m tests.benchmarks.peer_docket --socket PATH; asked by lines, see `contending`. It has no workflows, so
each step of an order adds the next one as a task, with what is known by then.
"""

import argparse
import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from docket import CurrentDocket, Docket, Worker

from tests.benchmarks.contending import aserve
from tests.benchmarks.new_rows import new_rows
from tests.benchmarks.trivial_steps import STEPS, document

CONCURRENCY = 64
LOOK = timedelta(milliseconds=1)
ended: dict[int, "asyncio.Future[dict[str, Any]]"] = {}


async def note(_body: str) -> None:
    """Do nothing with an order."""


async def step(doc: dict[str, Any], number: int, docket: Docket = CurrentDocket()) -> None:  # noqa: B008 - as pydocket has it
    """Take an order through the step of this number, and add the next one."""
    doc = {**doc, "trail": [*doc["trail"], STEPS[number]]}
    if number + 1 < len(STEPS):
        await docket.add(step)(doc, number + 1)
    else:
        ended.pop(doc["id"]).set_result(doc)


class DocketQueue:
    """A docket, with a worker while it is drained."""

    def __init__(self, docket: Docket) -> None:
        self._docket, self._added = docket, 0

    async def accept(self, numbers: Sequence[int]) -> None:
        """Add a task for each order, many at once."""
        add, bodies = self._docket.add(note), [body for *_, body in new_rows(numbers)]
        for start in range(0, len(bodies), CONCURRENCY):
            await asyncio.gather(*map(add, bodies[start : start + CONCURRENCY]))
        self._added += len(numbers)

    async def take(self, _most: int) -> int:
        """Let a worker run until nothing is left."""
        async with Worker(self._docket, concurrency=CONCURRENCY) as worker:
            await worker.run_until_finished()
        taken, self._added = self._added, 0
        return taken


@asynccontextmanager
async def docket_queue(socket: Path) -> AsyncIterator[DocketQueue]:
    """A docket of its own on the server of this socket."""
    async with Docket(f"bench-{uuid.uuid4().hex[:8]}", f"unix://{socket}") as docket:
        docket.register(note)
        yield DocketQueue(docket)


async def main(socket: Path) -> None:
    """Take orders as they are asked for, with a worker in this process."""
    async with Docket(f"bench-{uuid.uuid4().hex[:8]}", f"unix://{socket}") as docket:
        docket.register(step)

        async def many(numbers: Sequence[int]) -> None:
            done = [ended.setdefault(n, asyncio.Future()) for n in numbers]
            for number in numbers:
                doc: dict[str, Any] = {**asdict(document(number)), "trail": []}
                await docket.add(step)(doc, 0)
            for found in await asyncio.gather(*done):
                assert found["trail"] == list(STEPS), found

        async with Worker(
            docket, concurrency=CONCURRENCY, minimum_check_interval=LOOK, scheduling_resolution=LOOK
        ) as worker:
            working = asyncio.create_task(worker.run_forever())
            await aserve(many)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    asyncio.run(main(parser.parse_args().socket))

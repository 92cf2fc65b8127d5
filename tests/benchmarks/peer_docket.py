"""pydocket, the queue that Prefect's own server uses, on Redis: tasks that do nothing."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from docket import Docket, Worker

from tests.benchmarks.new_rows import new_rows

CONCURRENCY = 64


async def note(_body: str) -> None:
    """Do nothing with an order."""


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

"""Our queue, the bare SQL, a bare Redis queue, pydocket and Celery, in turns in one process.

python -m tests.benchmarks.queueing --orders N --sample N --rounds N
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from agents.runtime.settings import settings
from tests.benchmarks.bare_postgres import bare_postgres
from tests.benchmarks.bare_redis import bare_redis
from tests.benchmarks.bare_sqlite import bare_sqlite
from tests.benchmarks.machine import tell
from tests.benchmarks.servers import NewDatabase, postgresql, valkey
from tests.benchmarks.waiting import waiting

BATCH = 256
PEERS = ("pydocket", "celery")


class Queue(Protocol):
    """A queue that can be measured."""

    async def accept(self, numbers: Sequence[int]) -> None:
        """Add these orders."""

    async def take(self, most: int) -> int:
        """Finish the first orders; returns their number."""


@asynccontextmanager
async def contenders(folder: Path, new: NewDatabase) -> AsyncIterator[dict[str, Queue]]:
    """The queues by name; peers that are not installed are left out."""
    async with AsyncExitStack() as stack:
        socket = stack.enter_context(valkey(folder))
        found: dict[str, Queue] = {
            "sqlite": await stack.enter_async_context(
                waiting(f"sqlite+aiosqlite:///{folder / 'journal.db'}")
            ),
            "bare_sqlite": stack.enter_context(bare_sqlite(folder / "bare.db")),
            "postgresql": await stack.enter_async_context(waiting(new())),
            "bare_postgresql": await stack.enter_async_context(bare_postgres(new())),
            "bare_redis": await stack.enter_async_context(bare_redis(socket)),
        }
        try:
            from tests.benchmarks.peer_celery import celery_workers  # noqa: PLC0415 - where it is installed
            from tests.benchmarks.peer_docket import docket_queue  # noqa: PLC0415 - where it is installed
        except ImportError as error:
            sys.stderr.write(f"without peers: {error}\n")
        else:
            found["pydocket"] = await stack.enter_async_context(docket_queue(socket))
            workers = celery_workers(socket, folder / "celery.log")
            found["celery"] = stack.enter_context(workers)
        yield found


async def _paces(
    queue: Queue, numbers: Iterator[int], orders: int, size: int
) -> tuple[float, float]:
    """Orders in a second that are accepted, and claimed and finished, in batches of this size."""
    begun = time.perf_counter()
    for _ in range(0, orders, size):
        await queue.accept([next(numbers) for _ in range(size)])
    accepted, taken = time.perf_counter(), 0
    while taken < orders:
        taken += await queue.take(size)
    return orders / (accepted - begun), orders / (time.perf_counter() - accepted)


async def _turns(given: argparse.Namespace, new: NewDatabase) -> dict[str, Any]:
    paces: dict[str, Any] = {}
    numbers = count(1)
    async with contenders(settings().data, new) as found:
        for turn in range(given.rounds + 1):
            for name, queue in found.items():
                peer = name in PEERS
                sizes = {"batch": (given.orders // BATCH * BATCH, BATCH)}
                sizes |= {"single": (given.sample, 1)}
                if peer:
                    sizes = {"batch": (given.sample, given.sample)}
                for word, (orders, size) in sizes.items():
                    accepted, taken = await _paces(queue, numbers, orders, size)
                    if turn:  # the first one warms up
                        figures = paces.setdefault(name, {}).setdefault(word, {})
                        figures.setdefault("accept", []).append(accepted)
                        figures.setdefault("finish", []).append(taken)
    return paces


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--orders", "--sample", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    options = parser.parse_args()
    with postgresql() as make:
        databases = iter([make(), make()])
        tell(asyncio.run(_turns(options, lambda: next(databases))))

"""A claim from a short queue, a long one, and a short one beside a long one of another version.

In turns, on each database.

python -m tests.benchmarks.long_queue --short N --long N --rounds N
"""

import argparse
import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from sqlalchemy import text

from agents.runtime.journal.database import Database
from agents.runtime.settings import settings
from tests.benchmarks.machine import tell
from tests.benchmarks.servers import postgresql
from tests.benchmarks.waiting import Waiting, waiting

BATCH = 256
WARM_UP = 3
LENGTHS = ("short", "long", "beside")
NUMBERS = {
    True: "WITH RECURSIVE new(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM new WHERE i < :count)",
    False: "WITH new AS (SELECT i FROM generate_series(1, :count) AS series (i))",
}
FILL = """INSERT INTO items (tenant, scenario, version, major, key, priority, rank, trace, body_hash,
 body, state, fence, deaths, sequence, cancel_requested, accepted_at)
 {numbers} SELECT 'default', 'trivial', '{major}', {major}, '{major}-' || CAST(i AS TEXT), 'normal', i,
 'trace', 'hash', '{{}}', 'pending', 0, 0, 1, false, 0 FROM new"""


async def fill(database: Database, count: int, major: int = 1) -> None:
    """Insert this many waiting items of a version, without the cost of acceptance."""
    async with database.write() as connection:
        statement = text(FILL.format(numbers=NUMBERS[database.is_sqlite], major=major))
        await connection.execute(statement, {"count": count})


async def _measure(urls: dict[str, str], given: argparse.Namespace) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in urls}
    async with AsyncExitStack() as stack:
        queues: dict[str, Waiting] = {}
        for name, url in urls.items():
            queues[name] = await stack.enter_async_context(waiting(url))
            await fill(queues[name].database, given.long if "long" in name else given.short)
            if "beside" in name:
                await fill(queues[name].database, given.long, major=2)
        for turn in range(given.rounds + WARM_UP):
            for name, queue in queues.items():
                begun = time.perf_counter()
                claimed = await queue.claim(BATCH)
                passed = time.perf_counter() - begun
                assert len(claimed) == BATCH, len(claimed)
                if turn >= WARM_UP:
                    seconds[name].append(passed)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--short", "--long", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    options = parser.parse_args()
    with postgresql() as new:
        places = {f"postgresql_{length}": new() for length in LENGTHS}
        for length in LENGTHS:
            path = settings().data / f"{length}.db"
            places[f"sqlite_{length}"] = f"sqlite+aiosqlite:///{path}"
        tell(asyncio.run(_measure(places, options)))

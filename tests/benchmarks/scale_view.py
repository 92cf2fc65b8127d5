"""What one look of an autoscaler costs: the view `agent_flows_scale` with few and with many waiting items.

python -m tests.benchmarks.scale_view --short N --long N --rounds N
"""

import argparse
import asyncio
import time
from statistics import median
from typing import Any

from sqlalchemy import insert, select, text

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.scheduling_schema import paces
from agents.runtime.settings import settings
from tests.benchmarks.long_queue import NUMBERS
from tests.benchmarks.machine import tell
from tests.benchmarks.servers import postgresql

CHUNK = 50_000
ENDED = 5_000
LOOK = text(
    "SELECT coalesce(max(consumers_wanted), 0) FROM agent_flows_scale "
    "WHERE queue = 'trivial' AND version = 1"
)
FILL = """INSERT INTO items (tenant, scenario, version, major, key, priority, rank, trace, body_hash,
 body, state, fence, deaths, sequence, cancel_requested, accepted_at, expected, p50, p90, precedence,
 ended_at) {numbers} SELECT 'default', 'trivial', '1', 1, CAST(i + :first AS TEXT), 'normal',
 i + :first, 'trace', 'hash', '{{}}', '{state}', 0, 0, 1, false, :at, (i % 100) * 0.01,
 (i % 100) * 0.01, (i % 100) * 0.02, (i % 100) * 0.01, {ended} FROM new"""


async def _fill(database: Database, count: int) -> None:
    """Waiting items with forecasts, some that have just ended, and the pace of a consumer."""
    numbers = NUMBERS[database.is_sqlite]
    waits = text(FILL.format(numbers=numbers, state="pending", ended="NULL"))
    ended = text(FILL.format(numbers=numbers, state="completed", ended=":at"))
    async with database.read() as connection:
        at = await connection.scalar(select(now()))
    for first in range(0, count, CHUNK):
        async with database.write() as connection:
            chunk = {"count": min(CHUNK, count - first), "first": first, "at": at}
            await connection.execute(waits, chunk)
    pace = {"seconds": 100.0, "items": 10_000.0, "forecasts": 10_000.0, "work": 5_000.0}
    row = {"scenario": "trivial", "major": 1, "at": at} | pace
    async with database.write() as connection:
        await connection.execute(ended, {"count": ENDED, "first": count, "at": at})
        await connection.execute(insert(paces).values(row))


async def _measure(url: str, count: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a look; its first ones warm up."""
    database = Database(url)
    await database.migrate()
    await _fill(database, count)
    taken, wanted = list[float](), 0
    async with database.read() as connection:
        if not database.is_sqlite:
            await connection.execute(text("ANALYZE items"))
            await connection.execute(text("RESET enable_seqscan"))  # as an autoscaler connects
        for _ in range(rounds):
            begun = time.perf_counter()
            wanted = int(await connection.scalar(LOOK) or 0)
            taken.append((time.perf_counter() - begun) * 1_000)
    await database.close()
    warm = taken[len(taken) // 4 :]
    return {"waiting": count, "wanted": wanted, "ms": round(median(warm), 1)}


async def _run(urls: dict[str, str], given: argparse.Namespace) -> dict[str, Any]:
    return {
        name: await _measure(url, given.long if "long" in name else given.short, given.rounds)
        for name, url in urls.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--short", "--long", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    options = parser.parse_args()
    with postgresql() as new:
        places = {f"postgresql_{length}": new() for length in ("short", "long")}
        for length in ("short", "long"):
            path = settings().data / f"scale-{length}.db"
            places[f"sqlite_{length}"] = f"sqlite+aiosqlite:///{path}"
        tell(asyncio.run(_run(places, options)))

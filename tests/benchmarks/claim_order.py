"""What a claim costs in the order of arrival and by forecast, from short queues and long ones.

Half of the rounds with forecasts switched on, half with them switched off, in turns, on each database:
milliseconds a claim, microseconds an item, and the ratio of the longest queue to the shortest. On SQLite
also the pages that one claim writes, which do not depend on the machine's mood. Rows are as wide as those
of waiting orders of the sample. The items come at once and not over days. So on PostgreSQL what its
background processes would have done meanwhile is done before the first claim, for each length: vacuum,
statistics, and the dirty pages on the disk. Without that, claims write the pages of the load, since all
buffers are full of them.

python -m tests.benchmarks.claim_order [--lengths N N N] [--rounds N] [--batch N] [--tenants N] [--postgresql]
"""

import argparse
import asyncio
import gzip
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text, update

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import queues
from agents.runtime.model.forecast import Expected, Forecast
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from tests.benchmarks.long_queue import NUMBERS
from tests.benchmarks.machine import tell
from tests.benchmarks.servers import postgresql
from tests.benchmarks.waiting import Waiting, waiting

WARM_UP = 3
SAMPLE = Path("agents/orders/sample/orders.jsonl.gz")
AGENTS = 9  # that an order passes, each with a forecast of its own
AGE_LIMIT = 3_600.0  # seconds
ORDERS = {"arrival": False, "forecast": True}
# Precedences are spread by a multiplication with a prime, so that they have nothing to do with ranks.
# All are below a second, so that a batch may hold any of them.
FILL = """INSERT INTO items (tenant, scenario, version, major, key, priority, rank, trace, body_hash,
 body, forecast, state, fence, deaths, sequence, cancel_requested, accepted_at, expected, precedence)
 {numbers}, placed AS (SELECT i + :before AS i FROM new)
 SELECT 'tenant' || CAST(i % :tenants AS TEXT), 'trivial', '1', 1, CAST(i AS TEXT), 'normal',
 i, :trace, :hash, :body, :forecast, 'pending', 0, 0, 1, false, :now + i * 1e-6,
 (i * 1999) % 1000003 / 2e6, (i * 1999) % 1000003 / 2e6 FROM placed"""
CHUNK = 50_000  # rows of one statement, which may take 30 seconds


async def _fill(database: Database, count: int, tenants: int) -> None:
    statement = text(FILL.format(numbers=NUMBERS[database.is_sqlite]))
    common = {"tenants": tenants, "now": time.time()} | _an_order()
    for before in range(0, count, CHUNK):
        async with database.write() as connection:
            values = {"count": min(CHUNK, count - before), "before": before}
            await connection.execute(statement, common | values)


def _an_order() -> dict[str, object]:
    """What a waiting order of the sample holds, so that rows are as wide as they are in life."""
    with gzip.open(SAMPLE, "rt") as orders:
        body = next(orders).strip()
    agents = {f"reserve_stock_{n}": Expected(0.0123, 0.0345, 0.0234) for n in range(AGENTS)}
    forecast = Forecast(Expected(0.1, 0.2, 0.1), agents, "1", None).columns()["forecast"]
    return {"body": body, "forecast": forecast, "hash": hash_of(body), "trace": new_trace()}


async def _settle(database: Database) -> None:
    """Do what a live database has done long since."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("VACUUM ANALYZE items", "CHECKPOINT"):
            await connection.execute(text(statement))


async def _switch(database: Database, *, on: bool) -> None:
    async with database.write() as connection:
        verdict = {"shortest_first": on, "age_limit": AGE_LIMIT}
        await connection.execute(update(queues).values(verdict))


async def _claims(queue: Waiting, given: argparse.Namespace) -> dict[str, float]:
    """The median milliseconds of a claim in each order."""
    seconds: dict[str, list[float]] = {order: [] for order in ORDERS}
    for turn in range(given.rounds + WARM_UP):
        for order, on in ORDERS.items():
            await _switch(queue.database, on=on)
            begun = time.perf_counter()
            claimed = await queue.claim(given.batch)
            passed = time.perf_counter() - begun
            assert len(claimed) == given.batch, len(claimed)
            if turn >= WARM_UP:
                seconds[order].append(passed)
    return {order: median(found) * 1e3 for order, found in seconds.items()}


async def _pages(queue: Waiting, given: argparse.Namespace) -> dict[str, float]:
    """How many pages a claim writes into the write-ahead log of SQLite."""
    written = dict[str, float]()
    for order, on in ORDERS.items():
        await _switch(queue.database, on=on)
        async with queue.database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            page = int(await connection.scalar(text("PRAGMA page_size")) or 0)
        await queue.claim(given.batch)
        written[f"pages by {order}"] = _size_of_log(queue.database) // page
    return written


def _size_of_log(database: Database) -> int:
    return Path(f"{database.engine.url.database}-wal").stat().st_size


async def _measure(url: str, length: int, given: argparse.Namespace) -> dict[str, float]:
    async with waiting(url) as queue:
        await _fill(queue.database, length, given.tenants)
        if not queue.database.is_sqlite:
            await _settle(queue.database)
            return await _claims(queue, given)
        return await _claims(queue, given) | await _pages(queue, given)


def _summary(found: dict[int, dict[str, float]], batch: int) -> dict[str, Any]:
    least, most = min(found), max(found)
    return {
        "milliseconds": {
            length: {order: round(values[order], 2) for order in ORDERS}
            for length, values in found.items()
        },
        "pages": {
            length: {name: value for name, value in values.items() if name not in ORDERS}
            for length, values in found.items()
        },
        "microseconds_an_item": {
            length: round(values["forecast"] * 1e3 / batch, 1) for length, values in found.items()
        },
        "longest_to_shortest": {
            order: round(found[most][order] / found[least][order], 2) for order in ORDERS
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lengths", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--tenants", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="measure there as well")
    options = parser.parse_args()
    results: dict[str, Any] = {}

    def measured(kind: str, url: str, length: int) -> None:
        found = asyncio.run(_measure(url, length, options))
        results.setdefault(kind, {})[length] = found

    with tempfile.TemporaryDirectory() as folder:
        for size in options.lengths:
            measured("sqlite", f"sqlite+aiosqlite:///{folder}/claims{size}.db", size)
    if options.postgresql:
        with postgresql() as new:
            for size in options.lengths:
                measured("postgresql", new(), size)
    tell({kind: _summary(found, options.batch) for kind, found in results.items()})

"""Server time of the console's pages with a million items and one item of 20,000 events, on SQLite.

python -m tests.benchmarks.console [--items N] [--events N] [--requests N]; the last line is one JSON
object. A request goes to the application without a socket, so its time is the server's: framework, SQL
and template. `cpu` is the processor's time of the process, which holds on a busy machine, too.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import httpx
from starlette.requests import Request

from agents.runtime.context import open_runtime
from agents.runtime.journal.database import Database
from agents.runtime.settings import Settings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.app import create_app
from tests.benchmarks.machine import tell
from tests.deployments.gateway.console.many_items import pages, write_many

ANN = Principal("ann", "default", frozenset(Scope))


async def ann(_request: Request) -> Principal:
    """Authenticates everybody as a person with all scopes."""
    return ANN


Times = dict[str, list[tuple[float, float]]]
"""Of each request, by page: milliseconds that passed, and those of the processor."""


async def measured(folder: Path, items: int, events: int, requests: int) -> Times:
    """Write the journal, and request each page so many times."""
    journal = folder / "journal.db"
    url = f"sqlite+aiosqlite:///{journal}"
    database = Database(url)
    await database.migrate()
    await database.close()
    await asyncio.to_thread(write_many, journal, items, events)
    async with open_runtime(Settings(data=folder, journal_url=url)):  # type: ignore[arg-type]  # pydantic wraps it
        transport = httpx.ASGITransport(create_app(ann))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            return {
                name: [await timed(browser, path) for _ in range(requests + 1)][1:]
                for name, path in pages(items).items()
            }  # the first request of each page loads templates and agents


async def timed(browser: httpx.AsyncClient, path: str) -> tuple[float, float]:
    """One request: milliseconds that passed, and those of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = await browser.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, (path, answer.text)
    return 1_000 * (time.perf_counter() - wall), 1_000 * (time.process_time() - cpu)


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return round(quantiles(values, n=20)[-1], 1)


def main() -> None:
    """Measure and print the answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=60)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(measured(Path(name), given.items, given.events, given.requests))
    answer = {
        page: {
            "p50": round(median(wall for wall, _ in times), 1),
            "p95": p95([wall for wall, _ in times]),
            "cpu_p95": p95([cpu for _, cpu in times]),
        }
        for page, times in found.items()
    }
    slowest = {
        f"slowest_{name}": max(one[name] for one in answer.values()) for name in ("p95", "cpu_p95")
    }
    tell({"items": given.items, "events": given.events, "load": load, **slowest, "ms": answer})


if __name__ == "__main__":
    main()

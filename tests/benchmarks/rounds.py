"""Our runtime, the lower bound and plain Prefect, in turns in one process with one Prefect server.

python -m tests.benchmarks.rounds --orders N --sample N --rounds N
"""

import argparse
import asyncio
import time
from contextlib import closing

import httpx
from prefect.settings import PREFECT_API_URL

from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from tests.benchmarks.floor import floor_orders, open_floor
from tests.benchmarks.machine import tell
from tests.benchmarks.plain_prefect import plain_orders
from tests.benchmarks.trivial import WARM_UP, trivial_orders
from tests.benchmarks.trivial_steps import STEPS

QUIET_SECONDS = 3.0
LONGEST_DRAIN = 240.0


async def drained() -> None:
    """Wait until the server has recorded every event, so that it does not delay the next turn."""
    url, until, known = f"{PREFECT_API_URL.value()}/task_runs/count", time.monotonic(), -1
    until += LONGEST_DRAIN
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        while time.monotonic() < until:
            state = {"type": {"any_": ["COMPLETED"]}}
            answer = await client.post(url, json={"task_runs": {"state": state}})
            if known == (known := int(answer.raise_for_status().json())):
                return
            await asyncio.sleep(QUIET_SECONDS)


async def _turns(orders: int, sample: int, rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {"ours": [], "floor": [], "plain": []}
    async with open_runtime(settings()):
        with closing(open_floor(settings().data / "floor.db")) as floor:
            await trivial_orders(1, WARM_UP)
            await plain_orders(1)
            floor_orders(floor, 1, WARM_UP)
            for turn in range(rounds):
                first = 1 + WARM_UP + turn * orders
                await drained()
                seconds["ours"].append(await trivial_orders(first, orders))
                await drained()
                seconds["floor"].append(floor_orders(floor, first, orders))
                seconds["plain"].append(await plain_orders(sample))
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--orders", "--sample", "--rounds"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args()
    timed = asyncio.run(_turns(given.orders, given.sample, given.rounds))
    each = {"ours": given.orders, "floor": given.orders, "plain": given.sample}
    tell({name: [each[name] * len(STEPS) / s for s in timed[name]] for name in timed})

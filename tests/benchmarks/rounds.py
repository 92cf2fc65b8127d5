"""Our runtime, the lower bound, plain Prefect and other engines, in turns beside one Prefect server.

python -m tests.benchmarks.rounds --orders N --sample N --rounds N [--server PID] [--peers NAME ...]

The last line has steps a second of each round, and, with the server's pid, processor seconds of an order.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial

import httpx
import psutil
from prefect.settings import PREFECT_API_URL

from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from tests.benchmarks.floor import floor_orders, open_floor
from tests.benchmarks.machine import tell
from tests.benchmarks.peers import Contender, contenders
from tests.benchmarks.plain_prefect import plain_orders
from tests.benchmarks.trivial import trivial_orders
from tests.benchmarks.trivial_steps import STEPS, WARM_UP

QUIET_SECONDS = 3.0
LONGEST_DRAIN = 240.0
LONGER = 10  # times the orders for two processes, since the second one starts after seconds
SMALLER = {"dagster": 40}  # a peer that takes so many times longer gets a sample as much smaller

Engine = Callable[[int, int], Awaitable[float]]


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


class Turns:
    """What was measured; orders of all rounds have different numbers."""

    def __init__(self, server: int | None) -> None:
        self.paces: dict[str, list[float]] = {}
        self.processor: dict[str, list[float]] = {}
        self._server = psutil.Process(server) if server else None
        self._next = 1

    async def take(self, name: str, count: int, engine: Engine, *, record: bool) -> None:
        """One turn: steps a second, and processor seconds of an order until the server has recorded all."""
        begun = self._used()
        seconds = await engine(self._next, count)
        self._next += count
        if name in {"ours", "two", "plain"}:
            await drained()
        if not record:
            return
        self.paces.setdefault(name, []).append(count * len(STEPS) / seconds)
        if self._server is not None:
            self.processor.setdefault(name, []).append((self._used() - begun) / count)

    def _used(self) -> float:
        """Processor seconds of this process and of the server's up to now."""
        if self._server is None:
            return 0.0
        server = self._server.cpu_times()
        return time.process_time() + server.user + server.system


async def _turns(given: argparse.Namespace, peers: dict[str, Contender]) -> Turns:
    turns = Turns(given.server)
    with closing(open_floor(settings().data / "floor.db")) as floor:
        async with open_runtime(settings().model_copy(update={"processes": 2})):

            async def bound(first: int, count: int) -> float:
                return floor_orders(floor, first, count)

            async def plain(_first: int, count: int) -> float:
                return await plain_orders(count)

            sizes: dict[str, tuple[int, Engine]] = {
                "ours": (given.orders, trivial_orders),
                "two": (LONGER * given.orders, partial(trivial_orders, two=True)),
                "floor": (given.orders, bound),
                "plain": (given.sample, plain),
            }
            for turn in range(given.rounds + 1):
                for name, (count, engine) in sizes.items():
                    few = min(count, WARM_UP if name != "plain" else 1)
                    await turns.take(name, count if turn else few, engine, record=turn > 0)
                for name, one in peers.items():
                    one.prepare()
                    count = max(1, given.sample // SMALLER.get(name, 1)) if turn else 1
                    await turns.take(
                        name,
                        count,
                        lambda first, count, one=one: asyncio.to_thread(  # type: ignore[misc]
                            one.take, range(first, first + count)
                        ),
                        record=turn > 0,
                    )
    return turns


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--orders", "--sample", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    parser.add_argument("--server", type=int)
    parser.add_argument("--peers", nargs="*", default=[])
    options = parser.parse_args()
    with contenders(settings().data, options.peers) as found:
        measured = asyncio.run(_turns(options, found))
    processor = {name: measured.processor.get(name, []) for name in ("ours", "plain")}
    tell({"paces": measured.paces, "processor_s": processor})

"""One order at a time on an idle system, from submission to its end: ours and its peers, in turns.

python -m tests.benchmarks.idle --orders N --rounds N; N orders of each engine in every round.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

from agents.runtime.settings import settings
from tests.benchmarks.machine import tell
from tests.benchmarks.plain_prefect import plain_order
from tests.benchmarks.resident import resident
from tests.benchmarks.servers import valkey

Engine = Callable[[int], Awaitable[float]]
REST_SECONDS = 0.05  # the work of an engine after an order does not delay the next one
WARM_UP = 5
FEW_PLAIN = 5  # a plain flow run takes seconds


def timed(order: Callable[[int], Awaitable[None]]) -> Engine:
    """The engine: seconds that an order takes."""

    async def engine(number: int) -> float:
        begun = time.perf_counter()
        await order(number)
        return time.perf_counter() - begun

    return engine


@asynccontextmanager
async def engines(orders: int) -> AsyncIterator[dict[str, Engine]]:
    """The installed engines by name; ours takes this many orders."""
    folder = settings().data
    async with AsyncExitStack() as stack:
        found = {"ours": await stack.enter_async_context(resident(orders))}
        found["plain_prefect"] = timed(plain_order)
        try:
            from tests.benchmarks.peer_celery import celery_order, celery_workers  # noqa: PLC0415 - where it is installed
            from tests.benchmarks.peer_langgraph import langgraph_orders  # noqa: PLC0415 - where it is installed
        except ImportError as error:
            sys.stderr.write(f"without peers: {error}\n")
        else:
            graph = await stack.enter_async_context(langgraph_orders(folder / "graph.db"))
            found["langgraph"] = timed(graph)
            socket = stack.enter_context(valkey(folder))
            stack.enter_context(celery_workers(socket, folder / "celery.log"))
            found["celery"] = timed(lambda number: asyncio.to_thread(celery_order, number))
        yield found


async def _turns(orders: int, rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {}
    numbers = count(1)
    async with engines(WARM_UP + orders * rounds) as found:
        for turn in range(rounds + 1):
            for name, engine in found.items():
                many = orders if turn else WARM_UP
                for _ in range(min(many, FEW_PLAIN) if name == "plain_prefect" else many):
                    await asyncio.sleep(REST_SECONDS)
                    passed = await engine(next(numbers))
                    if turn:
                        seconds.setdefault(name, []).append(passed)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--orders", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    given = parser.parse_args()
    tell(asyncio.run(_turns(given.orders, given.rounds)))

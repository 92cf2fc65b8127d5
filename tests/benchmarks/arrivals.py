"""Orders that arrive at random at half of what the consumer can take: how long each takes, and one that is alone.

python -m tests.benchmarks.arrivals --orders N --rounds N; the last line is one JSON object: the seconds of each
order that was alone and of each that arrived at random, the orders a second that were possible, and the median
seconds of a batch during random arrivals, for which an order waits that comes meanwhile; round by round. The
consumer is the one of `resident`, in a process of its own; it does not wait to fill its batches.
"""

import argparse
import asyncio
import random
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

from tests.benchmarks.machine import tell
from tests.benchmarks.resident import Submit, resident_apart

AT_ONCE = 64  # orders that are submitted side by side where as many as possible are
SECONDS = 10.0  # of random arrivals in a round
REST_SECONDS = 0.05
WARM_UP = 10
SEED = 7


async def alone(submit: Submit, numbers: "count[int]", orders: int) -> list[float]:
    """Seconds of orders that come one after the other, with a rest between them."""
    taken = []
    for _ in range(orders):
        await asyncio.sleep(REST_SECONDS)
        taken.append(await submit(next(numbers)))
    return taken


async def capacity(submit: Submit, numbers: "count[int]", orders: int) -> float:
    """Orders a second where the next one comes as soon as one has ended."""
    left = iter(range(orders))

    async def submitter() -> None:
        for _ in left:
            await submit(next(numbers))

    begun = perf_counter()
    await asyncio.gather(*(submitter() for _ in range(AT_ONCE)))
    return orders / (perf_counter() - begun)


async def at_random(
    submit: Submit, numbers: "count[int]", rate: float, seconds: float
) -> list[float]:
    """Seconds of orders that arrive at this rate with exponential gaps, from when each was to arrive.

    Tasks that have ended are dropped: thousands of them would make garbage collections take 50 ms.
    """
    draw, begun, due = random.Random(SEED), perf_counter(), 0.0
    taken = list[float]()

    async def one(at: float) -> None:
        late = perf_counter() - begun - at
        taken.append(late + await submit(next(numbers)))

    async with asyncio.TaskGroup() as running:
        while (due := due + draw.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, begun + due - perf_counter()))
            running.create_task(one(due))
    return taken


async def measured(orders: int, rounds: int) -> dict[str, Any]:
    """All figures, round by round."""
    numbers = count(1)
    found: dict[str, list[Any]] = {
        "alone": [],
        "at_random": [],
        "orders_per_s": [],
        "batch_wait": [],
    }
    async with resident_apart() as (submit, took):
        await alone(submit, numbers, WARM_UP)
        await capacity(submit, numbers, AT_ONCE)
        for _ in range(rounds):
            found["alone"].append(await alone(submit, numbers, orders))
            possible = await capacity(submit, numbers, 100 * orders)
            found["orders_per_s"].append(possible)
            took.clear()
            found["at_random"].append(await at_random(submit, numbers, possible / 2, SECONDS))
            found["batch_wait"].append(median(took))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--orders", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    given = parser.parse_args()
    tell(asyncio.run(measured(given.orders, given.rounds)))

"""What a promoted model of forecasts costs orchestration: the trivial agents with it and without, in turns.

python -m tests.benchmarks.promoted --orders N --rounds N

Processor time, so that it holds on a busy machine, and without Prefect, which would only make the share
smaller. Each turn has its own orders, whose length the model takes for a feature; one agent has trees.
"""

import argparse
import asyncio
import shutil
import time
from dataclasses import replace
from math import exp
from random import Random
from statistics import median
from typing import Any

import orjson

from agents.runtime.context import open_runtime
from agents.runtime.forecast_registry import FOLDER
from agents.runtime.forecaster import features_of
from agents.runtime.scheduling.features import Example
from agents.runtime.scheduling.forecasting import Model, fit
from agents.runtime.settings import settings
from flows.operations.boosting import lightgbm
from tests.benchmarks.forecasts import promote
from tests.benchmarks.machine import tell
from tests.benchmarks.trivial import TRIVIAL, run_batch
from tests.benchmarks.trivial_steps import STEPS, WARM_UP, document

LEARNED = 4_000


def history(random: Random) -> list[Example]:
    """What the agents took on orders of the past; it grows with the length of the order for one of them."""
    found = []
    for number in range(LEARNED):
        length = random.randint(20, 2_000)
        order = replace(document(number), sku="s" * length)
        body, at = orjson.dumps(order).decode(), number * 60.0
        here = features_of(TRIVIAL, "default", body, order, at=at, load=random.randint(0, 500))
        for agent in STEPS:
            seconds = (length if agent == "charge" else 50) / 1_000 * exp(random.gauss(0, 0.3))
            found.append(Example(here, agent, seconds, at, number, "1"))
    return found


async def measure(orders: int, rounds: int) -> dict[str, Any]:
    """The median milliseconds of processor time for an order, and the median of the ratios."""
    model = fit(history(Random(7)), lightgbm())
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    await _turn(None, 0, WARM_UP)
    first = WARM_UP
    for turn in range(rounds):
        for name in sorted(seconds, reverse=bool(turn % 2)):
            known = model if name == "with" else None
            seconds[name].append(await _turn(known, first, orders))
            first += orders
    ratios = [a / b for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    figures = {f"{name}_ms": 1e3 * median(taken) / orders for name, taken in seconds.items()}
    return {name: round(one, 4) for name, one in figures.items()} | {
        "cost_of_promoted_model": round(median(ratios) - 1, 4),
        "cost_by_round": [round(one - 1, 4) for one in ratios],
    }


async def _turn(model: Model | None, first: int, count: int) -> float:
    """Seconds of processor time with this promoted model."""
    shutil.rmtree(settings().data / FOLDER, ignore_errors=True)
    if model is not None:
        promote(settings().data, model)
    async with open_runtime(settings()):
        begun = time.process_time()
        await run_batch(first, count)
        return time.process_time() - begun


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--orders", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    given = parser.parse_args()
    tell(asyncio.run(measure(given.orders, given.rounds)))

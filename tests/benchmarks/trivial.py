"""Five trivial agents, so that orchestration is timed and not work.

python -m tests.benchmarks.trivial --orders N [--first N] [--rounds N] [--without-prefect] [--two]: pace and peak memory
of runs in one process or two, and what the journal has on the disk after them. Numbers of orders begin with `first`.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import nullcontext
from statistics import median

import orjson
from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.rolling import rolling
from agents.runtime.execution.saga import saga
from agents.runtime.intake.intake import Intake, Rejection, Submission
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.item import Item
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import settings
from tests.benchmarks.machine import peak_mb, size_of, tell
from tests.benchmarks.trivial_steps import BATCH, STEPS, WARM_UP, Doc, document
from tests.benchmarks.trivial_worker import workers_beside


@agent(PURE)
def validate(order: Doc) -> Doc:
    return order.after("validate")


@agent(PURE)
def reserve(_order: Doc, doc: Doc) -> Doc:
    return doc.after("reserve")


@agent(PURE)
def charge(_order: Doc, doc: Doc) -> Doc:
    return doc.after("charge")


@agent(PURE)
def ship(_order: Doc, doc: Doc) -> Doc:
    return doc.after("ship")


@agent(PURE)
def notify(_order: Doc, doc: Doc) -> Doc:
    return doc.after("notify")


def _outcome(item: Item) -> str:
    doc = item.fact(Doc)
    return "done" if doc is not None and doc.trail == STEPS else "wrong"


TRIVIAL = Scenario(name="trivial", version="1", payload=Doc, outcome=_outcome)


def _candidates(first: int, count: int) -> Iterator[Submission | Rejection]:
    for number in range(first, first + count):
        doc = document(number)
        yield Submission(str(number), orjson.dumps(doc).decode(), doc, number)


async def fulfil(batch: Batch) -> None:
    """Take a batch through all five agents."""
    async with saga(batch):
        batch = await validate(batch)
        batch = await reserve(batch)
        batch = await charge(batch)
        batch = await ship(batch)
        await notify(batch)


async def run_batch(first: int, count: int, *, two: bool = False) -> float:
    """Seconds from the intake of the first order to the end of the last; of two processes, with the second's start."""
    stats = RunStats()
    intake = Intake(TRIVIAL, stats, lambda _rejection: None)
    begun = time.perf_counter()
    beside = workers_beside(intake) if two else nullcontext()
    async with rolling("all-steps: trivial", fulfil) as process, beside:
        async for batch in intake.accepted(_candidates(first, count), BATCH):
            await process(batch)
    seconds = time.perf_counter() - begun
    assert stats.outcomes == {"done": count}, stats
    return seconds


@flow(name="trivial-orders", persist_result=False)
async def trivial_orders(first: int, count: int, *, two: bool = False) -> float:
    """The same as a flow: the first batch has a task run for each agent, then quick ones share theirs."""
    return await run_batch(first, count, two=two)


async def _measure(given: argparse.Namespace) -> None:
    run = run_batch if given.without_prefect else trivial_orders
    first, seconds = given.first, list[float]()
    async with open_runtime(settings().model_copy(update={"processes": 2})):
        await run(first, WARM_UP)
        for turn in range(given.rounds):
            begin = first + WARM_UP + turn * given.orders
            seconds.append(await run(begin, given.orders, two=given.two))
    paces = [given.orders * len(STEPS) / s for s in seconds]
    figures = {"orders": given.orders, "steps_per_s": median(paces), "paces": paces}
    tell(figures | {"peak_mb": peak_mb(), "journal_bytes": size_of(settings().data / "journal.db")})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--without-prefect", action="store_true")
    parser.add_argument("--two", action="store_true")
    asyncio.run(_measure(parser.parse_args()))

"""A consumer claims what it can do within its latency budget, as forecasts and policies say."""

import asyncio

import pytest

from agents.runtime.context import Runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.batch import Batch
from agents.runtime.model.forecast import Expected, Forecast
from agents.runtime.model.policies import MODEL
from tests.agents.runtime.jobs import JOBS, Job, Made


async def queue_jobs(journal: Runtime, seconds: float | None, count: int, name: str) -> None:
    """Put jobs into the queue, each forecast to take that long by the agent `ask`."""
    forecast = None
    if seconds is not None:
        each = Expected(seconds, seconds, seconds)
        forecast = Forecast(each, {"ask": each}, "m1", seconds)
    new = [
        NewItem(
            *(f"{name}{n}", Job(key=f"{name}{n}").model_dump_json(), "hash", "trace"),
            forecast=forecast,
        )
        for n in range(count)
    ]
    await accept(journal.journal.database, Sender("t", "jobs", "1"), new)


@pytest.mark.parametrize(
    "seconds, sizes", [(None, [12]), (0.01, [12]), (2.0, [12, 10, 2]), (30.0, [12, 1, 1])]
)
async def test_batches_take_as_long_as_they_should(
    opened: Runtime, seconds: float | None, sizes: list[int]
) -> None:
    """With four calls at once, ten items of two seconds take the five seconds of the budget."""

    async def ask(job: Job) -> Made:
        return Made(by="ask", n=job.n)

    work, found = agent(MODEL)(ask), list[int]()

    async def process(batch: Batch) -> None:
        found.append(batch.count)
        await work(batch)

    await queue_jobs(opened, seconds, sum(sizes), "j")
    options = ConsumerOptions(size=12, at_once=1, idle=0.1, batches=len(sizes), seconds=5.0)
    await Consumer(JOBS, process, asyncio.sleep, options).consume()
    assert found == sizes

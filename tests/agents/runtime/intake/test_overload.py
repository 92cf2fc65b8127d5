"""Ten times the load that can be served, for a while: items are refused, accepted ones end, load recovers."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from statistics import quantiles

import pytest
from sqlalchemy import func, select

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.queue import QueueFull
from agents.runtime.journal.schema import items
from agents.runtime.model.batch import Batch, ProcessBatch, RunStats
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import JOBS, Job, Made, rows, submissions, until
from tests.benchmarks.machine import peak_mb

pytestmark = pytest.mark.campaign

LIMIT = 1_000  # items that may wait
WORK = 0.2  # seconds for one item; 32 are processed at once
TICK = 0.1
CHUNK = 64
CALM, STORM, RECOVERED_WITHIN = 6.0, 30.0, 60.0  # seconds
GROWTH_MB = 150


@dataclass(slots=True)
class Senders:
    """All senders; they send however long the queue is and count how many items it refused."""

    opened: Runtime
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    accepted: int = 0
    refused: int = 0
    longest: int = 0

    async def send(self, a_second: float, seconds: float) -> None:
        begun, offered = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds:
            due = int(passed * a_second) - offered
            await self._offer(due)
            offered += due
            await asyncio.sleep(TICK)

    async def _offer(self, count: int) -> None:
        given = [Job(key=f"job-{next(self.numbers):06}") for _ in range(count)]
        taken, intake = 0, Intake(JOBS, RunStats(), lambda _rejection: None)
        try:
            async for queued in intake.queued(submissions(given), CHUNK):
                taken += queued
        except QueueFull:
            self.refused += count - taken
        self.accepted += taken
        self.longest = max(self.longest, await waiting(self.opened))


async def waiting(opened: Runtime) -> int:
    async with opened.journal.database.read() as connection:
        query = select(func.count()).where(items.c.state == "pending")
        return int((await connection.execute(query)).scalar_one())


async def p99_since(begun: float) -> float:
    """The 99th percentile of the seconds from acceptance to end, for items that ended since then."""
    took = [r.ended_at - r.accepted_at for r in await rows(items) if (r.ended_at or 0) > begun]
    return float(quantiles(took, n=100)[98])


def working() -> ProcessBatch:
    @agent(READ)
    async def work(job: Job) -> Made:
        await asyncio.sleep(WORK)
        return Made(by="work", n=job.n)

    async def process(batch: Batch) -> None:
        async with saga(batch):
            await work(batch)

    return process


@pytest.mark.parametrize("journal_url", ["sqlite", "postgresql"], indirect=True)
async def test_the_queue_recovers_from_an_overload(journal_settings: Settings) -> None:
    limited = journal_settings.model_copy(update={"queue_limit": LIMIT})
    async with open_runtime(limited) as opened:
        await overload(opened)


async def overload(opened: Runtime) -> None:
    consumer = Consumer(JOBS, working(), asyncio.sleep, ConsumerOptions(size=64, batches=1_000_000))
    consuming = asyncio.create_task(consumer.consume())
    senders, capacity = Senders(opened), 32 / WORK / 2
    await senders.send(capacity / 4, CALM)
    calm, memory = await p99_since(0), peak_mb()

    await senders.send(10 * capacity, STORM)
    assert senders.refused > senders.accepted / 10  # some machines nearly keep up with the storm
    assert senders.longest <= LIMIT + CHUNK

    over, recovered = time.monotonic(), False
    while not recovered and time.monotonic() - over < RECOVERED_WITHIN:
        begun = time.time()
        await senders.send(capacity / 4, CALM)
        recovered = await p99_since(begun) < 2 * calm + WORK
    assert recovered
    assert peak_mb() - memory < GROWTH_MB

    await until(lambda: consumer.stats.done >= senders.accepted)
    opened.stop.ask()
    await consuming
    assert consumer.stats.outcomes == {"job completed": senders.accepted}
    assert consumer.stats.steps == {"work": {"done": senders.accepted}}  # each was processed once

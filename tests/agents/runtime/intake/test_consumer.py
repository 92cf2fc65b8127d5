"""Consumers process what waits in the queue, and items of crashed consumers."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queue import Queue, QueueFull, claim_first
from agents.runtime.journal.schema import items
from agents.runtime.model.batch import Batch, ProcessBatch, RunStats
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import PURE
from agents.runtime.settings import QueueLimit, Settings
from tests.agents.runtime.jobs import (
    JOBS,
    Job,
    Made,
    Provider,
    crashing_runtime,
    effect_of,
    jobs,
    rows,
    states,
    submissions,
    until,
)

UNTIL_IDLE = ConsumerOptions(idle=0.3)


async def enqueue(
    given: list[Job], size: int = 256, priority: Priority = Priority.NORMAL
) -> RunStats:
    stats = RunStats()
    intake = Intake(JOBS, stats, lambda _rejection: None)
    async for _ in intake.queued(submissions(given), size, priority):
        pass
    return stats


def working(sizes: list[int]) -> ProcessBatch:
    """A workflow of one agent that notes the sizes of its batches."""

    @agent(PURE)
    def work(job: Job) -> Made:
        return Made(by="work", n=job.n)

    async def process(batch: Batch) -> None:
        sizes.append(batch.count)
        async with saga(batch):
            await work(batch)

    return process


@pytest.fixture
async def two(journal_settings: Settings) -> AsyncIterator[tuple[Runtime, Runtime]]:
    async with open_runtime(journal_settings) as first, open_runtime(journal_settings) as second:
        yield first, second


@pytest.mark.usefixtures("opened")
async def test_queued_items_are_processed_and_then_recognised() -> None:
    sizes: list[int] = []
    assert (await enqueue(jobs(600))).outcomes == {"queued": 600}
    assert (await enqueue(jobs(2))).outcomes == {"queued before": 2}
    stats = await Consumer(JOBS, working(sizes), asyncio.sleep, UNTIL_IDLE).consume()
    assert stats.outcomes == {"job completed": 600}
    assert stats.steps == {"work": {"done": 600}}
    assert sorted(sizes) == [88, 256, 256]
    assert (await enqueue(jobs(2))).outcomes == {"already done": 2}


@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_batches_are_small_when_few_items_wait_and_large_when_many_do() -> None:
    sizes: list[int] = []
    consumer = Consumer(JOBS, working(sizes), asyncio.sleep, ConsumerOptions(at_once=1))
    running = asyncio.create_task(consumer.consume())
    for n in range(3):
        await enqueue([Job(key=f"single-{n}")])
        await until(partial(is_done, consumer, n + 1))
    assert sizes == [1, 1, 1]
    await enqueue(jobs(300))
    await until(partial(is_done, consumer, 303))
    assert max(sizes) == 256
    running.cancel()


@pytest.mark.slow
@pytest.mark.usefixtures("opened")
async def test_a_batch_lingers_to_be_filled() -> None:
    sizes: list[int] = []
    options = ConsumerOptions(linger=0.5, at_once=1, batches=1)
    running = asyncio.create_task(Consumer(JOBS, working(sizes), asyncio.sleep, options).consume())
    await enqueue(jobs(1))
    await until(lambda: states_are(State.PROCESSING, 1))
    await enqueue(jobs(5))
    await running
    assert sizes == [5]


def is_done(consumer: Consumer, count: int) -> bool:
    return consumer.stats.done == count


async def states_are(state: State, count: int) -> bool:
    return list((await states()).values()).count(state) == count


@pytest.mark.usefixtures("opened")
async def test_a_consumer_ends_after_its_number_of_batches() -> None:
    sizes: list[int] = []
    await enqueue(jobs(10))
    options = ConsumerOptions(size=2, at_once=1, batches=3)
    consumer = Consumer(JOBS, working(sizes), asyncio.sleep, options)
    await consumer.consume()
    assert (consumer.is_full, sizes) == (True, [2, 2, 2])
    assert await states_are(State.PENDING, 4)


async def test_a_consumer_that_is_asked_to_stop_finishes_its_batches(opened: Runtime) -> None:
    sizes: list[int] = []
    workflow = working(sizes)
    await enqueue(jobs(6))

    async def process(batch: Batch) -> None:
        opened.stop.ask()
        await workflow(batch)

    options = ConsumerOptions(size=2, at_once=1)
    await Consumer(JOBS, process, asyncio.sleep, options).consume()
    assert await states_are(State.COMPLETED, 2)
    assert await states_are(State.PENDING, 4)


@pytest.mark.usefixtures("no_waits")
async def test_the_next_consumer_finishes_items_of_a_crashed_one_once(
    journal_settings: Settings, provider: Provider
) -> None:
    make = effect_of(provider)

    async def process(batch: Batch) -> None:
        async with saga(batch):
            await make(batch)

    async with crashing_runtime(journal_settings) as crashed:
        await enqueue(jobs(5))
        await claim_first(crashed.journal.database, crashed.lease.id, Queue("jobs"), 3)
    async with open_runtime(journal_settings):
        stats = await Consumer(JOBS, process, asyncio.sleep, UNTIL_IDLE).consume()
        assert stats.outcomes == {"job completed": 5}
        assert sorted(row.crash_count for row in await rows(items)) == [0, 0, 1, 1, 1]
    assert len(provider.made) == 5


@pytest.mark.slow
async def test_two_consumers_share_a_queue_and_no_item(two: tuple[Runtime, Runtime]) -> None:
    sizes: list[int] = []
    await enqueue(jobs(400))
    options = ConsumerOptions(size=16, idle=0.3)
    consumers = [Consumer(JOBS, working(sizes), asyncio.sleep, options) for _ in two]
    counts = await asyncio.gather(*(consumer.consume() for consumer in consumers))
    assert sum(stats.done for stats in counts) == sum(sizes) == 400
    assert {row.fence for row in await rows(items)} == {1}


async def test_a_full_queue_refuses_items_and_keeps_accepted_ones(
    journal_settings: Settings,
) -> None:
    limits = (QueueLimit(scenario=JOBS.name, items=30),)
    async with open_runtime(journal_settings.model_copy(update={"queue_limits": limits})):
        with pytest.raises(QueueFull, match="send the source again later"):
            await enqueue(jobs(100), size=10)
        assert await states_are(State.PENDING, 30)
        await Consumer(JOBS, working([]), asyncio.sleep, UNTIL_IDLE).consume()
        assert (await enqueue(jobs(40))).outcomes == {"already done": 30, "queued": 10}


@pytest.mark.usefixtures("opened")
async def test_a_worker_looks_once_before_it_is_idle() -> None:
    await enqueue(jobs(3))
    late = ConsumerOptions(at_once=1, idle=0.0)
    stats = await Consumer(JOBS, working([]), asyncio.sleep, late).consume()
    assert stats.done == 3


@pytest.mark.usefixtures("opened")
async def test_urgent_items_overtake() -> None:
    seen: list[str] = []

    @agent(PURE)
    def see(job: Job) -> Made:
        seen.append(job.key)
        return Made(by="see")

    async def process(batch: Batch) -> None:
        async with saga(batch):
            await see(batch)

    await enqueue(jobs(3))
    await enqueue([Job(key="now")], priority=Priority.URGENT)
    await Consumer(
        JOBS, process, asyncio.sleep, ConsumerOptions(size=1, at_once=1, idle=0.2)
    ).consume()
    assert seen == ["now", "job-0000", "job-0001", "job-0002"]

"""Our consumer as it is deployed: a long flow run, woken by Redis, all steps in one task run.

Orders come as the gateway accepts them: those that arrive together share a commit.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.api_requests import Answer, Offer
from agents.runtime.journal.database import Database
from agents.runtime.journal.submit import Accepted, Disposition
from agents.runtime.model.batch import Batch
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from deployments.gateway.group_commit import GroupCommit
from flows.operations.consumer import task_runs
from flows.workflows import WORKFLOWS, Workflow
from tests.benchmarks.trivial import TRIVIAL, fulfil
from tests.benchmarks.waiting import SENDER, new_item

NAME = TRIVIAL.name
PATIENCE = 60
LONGEST = 1_000_000  # batches of one run of the consumer


class TrivialOrders:
    """The workflow of the trivial orders, as the registry names it."""

    ends: "dict[str, asyncio.Future[float]]"
    took: list[float]
    """Seconds of each batch."""

    @classmethod
    async def process(cls, batch: Batch) -> None:
        """Take a batch through all steps, and say of each order when it had ended."""
        keys = [item.key for item in batch.peek()]
        begun = time.perf_counter()
        await fulfil(batch)
        at = time.perf_counter()
        cls.took.append(at - begun)
        for key in keys:
            cls.ends.pop(key).set_result(at)


def _accepted(accepted: Accepted) -> Answer:
    assert accepted.disposition is Disposition.QUEUED, accepted
    return Answer(202, "")


@asynccontextmanager
async def resident() -> AsyncIterator[Callable[[int], Awaitable[float]]]:
    """A function that submits the order with a number; returns the seconds until its end is committed."""
    ends = TrivialOrders.ends = {}
    TrivialOrders.took = []
    workflow = Workflow("tests.benchmarks.trivial:TRIVIAL", f"{__name__}:TrivialOrders.process")
    cast("dict[str, Workflow]", WORKFLOWS)[NAME] = workflow
    waking: set[asyncio.Task[None]] = set()
    database, ready, closing = Database(settings().journal), asyncio.Event(), asyncio.Event()

    @flow(name="trivial-consumer", persist_result=False)
    async def consume_trivial() -> None:
        async with (
            open_runtime(settings()),
            signals(settings()) as woken,
            task_runs(NAME, ahead=True) as process,
        ):

            async def wait(seconds: float) -> None:
                ready.set()
                await woken.wait(NAME, seconds)

            options = ConsumerOptions(batches=LONGEST)
            consumer = Consumer(
                TRIVIAL, process, wait, options, may_claim=lambda: not closing.is_set()
            )
            await consumer.consume()

    consuming = asyncio.create_task(consume_trivial())
    async with signals(settings()) as waker:
        await ready.wait()
        group = GroupCommit(
            database, lambda name: waking.add(asyncio.create_task(waker.wake(name)))
        )

        async def submit(number: int) -> float:
            ended = ends[str(number)] = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            (answer,) = await group.accept([Offer(SENDER, new_item(number), _accepted)])
            if isinstance(answer, Exception):
                raise answer
            end: float = await asyncio.wait_for(ended, PATIENCE)
            return end - begun

        yield submit
        await asyncio.gather(*waking)
        closing.set()
        await waker.wake(NAME)
    await consuming
    await database.close()

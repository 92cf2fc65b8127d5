"""Our consumer as it is deployed: a long flow run, woken by Redis, all steps in one task run."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.database import Database
from agents.runtime.model.batch import Batch
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from flows.operations.consumer import task_runs
from flows.workflows import WORKFLOWS, Workflow
from tests.benchmarks.trivial import TRIVIAL, fulfil
from tests.benchmarks.waiting import Waiting

NAME = TRIVIAL.name
PATIENCE = 30


class Ended:
    """The time at which the current batch has ended."""

    def __init__(self) -> None:
        self.at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def fulfil(self, batch: Batch) -> None:
        """Process the trivial orders."""
        await fulfil(batch)
        self.at.set_result(time.perf_counter())


class TrivialOrders:
    """The workflow of the trivial orders, as the registry names it."""

    ended: Ended

    @classmethod
    async def process(cls, batch: Batch) -> None:
        """Take a batch through all steps."""
        await cls.ended.fulfil(batch)


@asynccontextmanager
async def resident(orders: int) -> AsyncIterator[Callable[[int], Awaitable[float]]]:
    """A function that submits the order with a number; returns the seconds until its end is committed.

    The consumer's run ends after this many orders.
    """
    ended = TrivialOrders.ended = Ended()
    workflow = Workflow("tests.benchmarks.trivial:TRIVIAL", f"{__name__}:TrivialOrders.process")
    cast("dict[str, Workflow]", WORKFLOWS)[NAME] = workflow
    database, ready = Database(settings().journal), asyncio.Event()

    @flow(name="trivial-consumer", persist_result=False)
    async def consume_trivial() -> int:
        async with (
            open_runtime(settings()),
            signals(settings()) as woken,
            task_runs(NAME, ahead=True) as process,
        ):

            async def wait(seconds: float) -> None:
                ready.set()
                await woken.wait(NAME, seconds)

            options = ConsumerOptions(batches=orders)
            consumer = Consumer(TRIVIAL, process, wait, options)
            stats = await consumer.consume()
            return stats.outcomes["done"]

    consuming = asyncio.create_task(consume_trivial())
    async with signals(settings()) as waker:
        await ready.wait()

        async def submit(number: int) -> float:
            ended.at = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            await Waiting(database).accept([number])
            await waker.wake(NAME)
            return await asyncio.wait_for(ended.at, PATIENCE) - begun

        yield submit
    assert await consuming == orders
    await database.close()

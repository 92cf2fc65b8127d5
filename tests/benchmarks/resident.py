"""Our consumer as it is deployed: a long flow run, woken by Redis, all steps in one task run.

Orders come as the gateway accepts them: those that arrive together share a commit. The consumer is in this process,
or, as in production, in one of its own: `python -m tests.benchmarks.resident` prints a line for each batch with its
orders, its seconds, and when it ended, by the clock that all processes share. It ends when its input is closed.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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
from agents.runtime.settings import ROOT, settings
from deployments.gateway.group_commit import GroupCommit
from flows.operations.consumer import task_runs
from flows.workflows import WORKFLOWS, Workflow
from tests.benchmarks.machine import tell
from tests.benchmarks.trivial import TRIVIAL, fulfil
from tests.benchmarks.waiting import SENDER, new_item

NAME = TRIVIAL.name
PATIENCE = 60
LONGEST = 1_000_000  # batches of one run of the consumer
LONGEST_LINE = 2**20  # bytes

Submit = Callable[[int], Awaitable[float]]
Ended = Callable[[Sequence[str], float, float], None]
"""Gets the keys of a batch, its seconds, and when it had ended."""


class TrivialOrders:
    """The workflow of the trivial orders, as the registry names it."""

    ended: Ended

    @classmethod
    async def process(cls, batch: Batch) -> None:
        """Take a batch through all steps, and say of it when it had ended."""
        keys = [item.key for item in batch.peek()]
        begun = time.perf_counter()
        await fulfil(batch)
        at = time.perf_counter()
        cls.ended(keys, at - begun, at)


class Orders:
    """The orders that are submitted and have not ended, and the seconds of each batch."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._ends: dict[str, asyncio.Future[float]] = {}

    def begin(self, number: int) -> "asyncio.Future[float]":
        """A new order; the result is when it ended."""
        end = self._ends[str(number)] = asyncio.get_running_loop().create_future()
        return end

    def ended(self, keys: Sequence[str], seconds: float, at: float) -> None:
        """A batch with these orders has ended."""
        self.took.append(seconds)
        for key in keys:
            self._ends.pop(key).set_result(at)


async def consume_until(closing: asyncio.Event, ready: asyncio.Event, ended: Ended) -> None:
    """Consume trivial orders in a flow run."""
    TrivialOrders.ended = staticmethod(ended)
    workflow = Workflow("tests.benchmarks.trivial:TRIVIAL", f"{__name__}:TrivialOrders.process")
    cast("dict[str, Workflow]", WORKFLOWS)[NAME] = workflow

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

    await consume_trivial()


@asynccontextmanager
async def resident() -> AsyncIterator[Submit]:
    """A function that submits the order with a number; returns the seconds until its end is committed."""
    orders, ready, closing = Orders(), asyncio.Event(), asyncio.Event()
    consuming = asyncio.create_task(consume_until(closing, ready, orders.ended))
    await ready.wait()
    async with _submitting(orders) as (submit, wake):
        yield submit
        closing.set()
        await wake(NAME)
    await consuming


@asynccontextmanager
async def resident_apart() -> AsyncIterator[tuple[Submit, list[float]]]:
    """The same with the consumer in a process of its own; also the seconds of each batch."""
    orders = Orders()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.resident"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert json.loads(await process.stdout.readline()) == {}, "it is ready"
    reading = asyncio.create_task(_read(process.stdout, orders))
    # As the gateway, which spares the garbage collector what it has loaded.
    async with open_runtime(settings()), _submitting(orders) as (submit, wake):
        yield submit, orders.took
        process.stdin.close()
        await wake(NAME)
    await reading
    await process.wait()


async def _read(lines: asyncio.StreamReader, orders: Orders) -> None:
    async for line in lines:
        orders.ended(**json.loads(line))


@asynccontextmanager
async def _submitting(
    orders: Orders,
) -> AsyncIterator[tuple[Submit, Callable[[str], Awaitable[None]]]]:
    """A function that submits an order, and one that wakes the consumer."""
    waking: set[asyncio.Task[None]] = set()
    database = Database(settings().journal)
    async with signals(settings()) as waker:
        group = GroupCommit(
            database, lambda name: waking.add(asyncio.create_task(waker.wake(name)))
        )

        async def submit(number: int) -> float:
            ended = orders.begin(number)
            begun = time.perf_counter()
            (answer,) = await group.accept([Offer(SENDER, new_item(number), _accepted)])
            if isinstance(answer, Exception):
                raise answer
            return await asyncio.wait_for(ended, PATIENCE) - begun

        yield submit, waker.wake
        await asyncio.gather(*waking)
    await database.close()


def _accepted(accepted: Accepted) -> Answer:
    assert accepted.disposition is Disposition.QUEUED, accepted
    return Answer(202, "")


async def _main() -> None:
    ready, closing = asyncio.Event(), asyncio.Event()

    async def watch() -> None:
        await ready.wait()
        tell({})
        await asyncio.to_thread(sys.stdin.read)
        closing.set()

    watching = asyncio.create_task(watch())
    await consume_until(
        closing, ready, lambda keys, seconds, at: tell({"keys": keys, "seconds": seconds, "at": at})
    )
    await watching


if __name__ == "__main__":
    asyncio.run(_main())

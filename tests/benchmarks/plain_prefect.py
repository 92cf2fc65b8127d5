"""Plain Prefect as in its tutorial: a task run for each step, 16 orders at once in one flow run.

Timed is the flow's side alone, which favours it: its server records the runs later.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from prefect import Task, flow, task

from tests.benchmarks.trivial_steps import STEPS, document

AT_ONCE = 16


def _step(name: str) -> Task[..., Any]:
    @task(name=f"plain-{name}")
    async def step(doc: dict[str, Any]) -> dict[str, Any]:
        return {**doc, "trail": [*doc["trail"], name]}

    return step


TASKS = [_step(name) for name in STEPS]


@flow(name="plain-orders")
async def plain_orders(count: int) -> float:
    """Seconds for this many orders."""
    numbers = iter(range(count))
    begun = time.perf_counter()
    await asyncio.gather(*(_work(numbers) for _ in range(AT_ONCE)))
    return time.perf_counter() - begun


@flow(name="plain-order")
async def plain_order(number: int) -> None:
    """One order as a flow run of its own."""
    await _take(number)


async def _work(numbers: Iterator[int]) -> None:
    for number in numbers:
        await _take(number)


async def _take(number: int) -> None:
    doc: dict[str, Any] = {**asdict(document(number)), "trail": []}
    for step in TASKS:
        doc = await step(doc)
    assert doc["trail"] == list(STEPS), doc

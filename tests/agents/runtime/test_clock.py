"""The clock is that of the host, unless a simulation sets another one."""

import asyncio
import time
from dataclasses import dataclass

from agents.runtime.clock import clock
from agents.runtime.testing import run_by


@dataclass
class FixedClock:
    at: float

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return -self.at


async def times() -> tuple[float, float]:
    return clock().time(), clock().monotonic()


def test_the_clock_is_that_of_the_host() -> None:
    before = time.time(), time.monotonic()
    now = clock().time(), clock().monotonic()
    assert before <= now <= (time.time(), time.monotonic())


async def test_another_clock_is_used_within_its_block_and_by_tasks_started_there() -> None:
    with run_by(FixedClock(7.0)):
        task = asyncio.create_task(times())
    assert await task == (7.0, -7.0)
    assert await times() != (7.0, -7.0)

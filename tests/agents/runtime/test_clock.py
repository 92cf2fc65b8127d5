"""The clock is the host's, unless a simulation sets another."""

import asyncio
import time
from dataclasses import dataclass

from agents.runtime.clock import clock
from agents.runtime.testing import run_by


@dataclass
class Stopped:
    at: float

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return -self.at


async def told() -> tuple[float, float]:
    return clock().time(), clock().monotonic()


def test_it_is_the_hosts() -> None:
    before = time.time(), time.monotonic()
    now = clock().time(), clock().monotonic()
    assert before <= now <= (time.time(), time.monotonic())


async def test_another_holds_within_its_block_and_for_the_tasks_started_there() -> None:
    with run_by(Stopped(7.0)):
        task = asyncio.create_task(told())
    assert await task == (7.0, -7.0)
    assert await told() != (7.0, -7.0)

"""The journal says how long an agent took on an item: from its first attempt until its outcome is known."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agents.runtime.clock import CLOCK
from agents.runtime.errors import TransientError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import steps
from agents.runtime.model.policies import PURE, READ
from tests.agents.runtime.jobs import Job, Made, batch_of, jobs, rows

HOURS = 3_600.0


@dataclass
class WorkingClock:
    """Real time, beside the seconds that agents claim to have worked; `set_by` is the host's own error."""

    worked: float = 0.0
    set_by: float = 0.0

    def time(self) -> float:
        return time.time() + self.worked + self.set_by

    def monotonic(self) -> float:
        return time.monotonic() + self.worked


@pytest.fixture
def clock() -> Iterator[WorkingClock]:
    working = WorkingClock()
    token = CLOCK.set(working)
    yield working
    CLOCK.reset(token)


async def durations() -> list[float | None]:
    return [
        None if row.started_at is None else round(row.at - row.started_at, 1)
        for row in await rows(steps)
    ]


@pytest.mark.usefixtures("opened")
async def test_each_item_has_its_own_duration_though_all_are_committed_together(
    clock: WorkingClock,
) -> None:
    @agent(PURE)
    def see(job: Job) -> Made:
        clock.worked += job.n * 10
        return Made(by="see")

    await see(await batch_of(jobs(3)))
    assert await durations() == [0.0, 10.0, 20.0]


@pytest.mark.usefixtures("opened", "no_waits")
async def test_a_duration_has_all_attempts_and_no_jump_of_the_host_clock(
    clock: WorkingClock,
) -> None:
    tries: list[str] = []

    @agent(READ)
    async def read(job: Job) -> Made:
        clock.worked += 5
        clock.set_by -= HOURS
        tries.append(job.key)
        if len(tries) < 3:
            raise TransientError("away")
        return Made(by="read")

    await read(await batch_of(jobs(1)))
    assert (len(tries), await durations()) == (3, [15.0])


@pytest.mark.usefixtures("opened")
async def test_the_items_of_one_call_share_its_time(clock: WorkingClock) -> None:
    @agent(PURE, batched=True)
    def see(jobs: list[Job]) -> list[Made]:
        clock.worked += 80
        return [Made(by="see")] * len(jobs)

    await see(await batch_of(jobs(4)))
    assert await durations() == [20.0] * 4

"""Resources in the journal: taken all or nothing, given back, waited for in line."""

import asyncio

from agents.runtime.context import Runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.capacity_admin import CapacitySetting, set_capacity
from agents.runtime.journal.scheduling_schema import holdings, resource_waits
from agents.runtime.model.policies import READ
from tests.agents.runtime.jobs import Job, Made, jobs, rows, run, states


async def test_never_more_runs_than_the_capacity_allows(opened: Runtime) -> None:
    await set_capacity(opened.journal, CapacitySetting("cpu", 4.0), "ann", "test")
    busy = [0.0, 0.0]

    @agent(READ, takes=lambda job: {"cpu": 1 + job.n % 3})
    async def work(job: Job) -> Made:
        busy[0] += 1 + job.n % 3
        busy[1] = max(busy)
        await asyncio.sleep(0.01)
        busy[0] -= 1 + job.n % 3
        return Made(by="work")

    await run(jobs(20), work)
    assert busy == [0.0, 4.0]
    assert set((await states()).values()) == {"completed"}
    assert await rows(holdings) == await rows(resource_waits) == []

"""`python -m tests.agents.runtime.execution.paying_child DATA URL POINT`: pays for a job, killed at a fail point.

The provider is the folder `paid` in DATA: a file for each key that it has got, with the number of calls.
"""

import asyncio
import sys
from pathlib import Path

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.budgets import spent
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.capacity_admin import CapacitySetting, set_capacity
from agents.runtime.model.policies import EFFECT
from agents.runtime.scheduling.reservations import AtLimit
from agents.runtime.settings import Settings
from agents.runtime.testing import arm
from tests.agents.runtime.jobs import HOUR, Job, Made, jobs, run, states

DAY = 86_400.0
ESTIMATE, PRICE = 100.0, 60.0
LEASE = 1.0


async def pay_all(data: Path, url: str) -> None:
    """Pay for one job within a budget; waits until the lease of a dead process before this one has ended."""

    @agent(EFFECT, settle=HOUR, takes={"money": ESTIMATE})
    async def pay(job: Job, key: EffectKey) -> Made:
        paid = data / "paid" / key.replace(":", "_").replace("/", "_")
        paid.parent.mkdir(exist_ok=True)
        paid.write_text(f"{int(paid.read_text()) + 1 if paid.exists() else 1}")
        spent(money=PRICE)
        return Made(by=job.key)

    here = Settings(data=data, journal_url=url, lease_seconds=LEASE)  # type: ignore[arg-type]  # pydantic wraps it
    async with open_runtime(here) as opened:
        budget = CapacitySetting("money", 1_000.0, "default", DAY, AtLimit.PAUSE)
        await set_capacity(opened.journal, budget, "ann", "test")
        while (await states()).get("job-0000") != "completed":
            await run(jobs(1), pay)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    folder, journal, point = sys.argv[1:]
    arm({point: 1})
    asyncio.run(pay_all(Path(folder), journal))

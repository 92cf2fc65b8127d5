"""`python -m tests.deployments.observability.job_process GATE`: a consumer of jobs in a process of its own.

It creates GATE.begun when it has begun a job, and ends the job when GATE exists.
"""

import asyncio
import sys
from pathlib import Path

from agents.runtime.context import open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import READ
from agents.runtime.settings import settings
from tests.agents.runtime.jobs import JOBS, Job, Made, until

GATE = Path(sys.argv[1])


@agent(READ)
async def work(_job: Job) -> Made:
    GATE.with_suffix(".begun").touch()
    await until(GATE.exists)
    return Made(by="child")


async def process(batch: Batch) -> None:
    async with saga(batch):
        await work(batch)


async def main() -> None:
    """Consume until killed."""
    options = ConsumerOptions(batches=1_000_000)
    async with open_runtime(settings()):
        await Consumer(JOBS, process, asyncio.sleep, options).consume()


if __name__ == "__main__":
    asyncio.run(main())

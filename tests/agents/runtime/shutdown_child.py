"""A child process of tests: works on jobs until it gets SIGTERM.

`python -m tests.agents.runtime.shutdown_child DATA SECONDS`: each batch of 4 takes SECONDS.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from agents.runtime.context import open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings
from agents.runtime.shutdown import Stopped
from tests.agents.runtime.jobs import Job, Made, jobs, run


async def main(data: Path, seconds: float) -> None:
    """Print a line when a job begins, and one that says how the run ended."""

    @agent(replace(READ, timeout=120))
    async def work(job: Job) -> Made:
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await asyncio.sleep(seconds)
        return Made(by="work", n=job.n)

    async with open_runtime(Settings(data=data)):
        await run(jobs(40), work, size=4)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
    except Stopped as error:
        sys.stdout.write(f"{error}\n")
    except asyncio.CancelledError:
        sys.stdout.write("cancelled\n")

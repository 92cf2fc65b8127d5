"""CPU agents that loop, crash or fail as their job says; they stand at the top of a module.

`python -m tests.agents.runtime.crashing_worker DATA FILE` runs a job that loops and writes its pid to FILE.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from agents.runtime.context import open_runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import CPU
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import Job, Made, run

SECONDS = 1.5
MEMORY = 256 * 1024**2
SHORT_CPU = replace(CPU, attempts=2, timeout=SECONDS, backoff=0.001, memory=MEMORY)


class Hopeless(PermanentError):
    """The job can never succeed."""


def work(job: Job) -> Made:
    """Write the pid to the file after the colon of the job's text, then do what the text names."""
    kind, _, where = job.text.partition(":")
    if where:
        Path(where).write_text(str(os.getpid()), "ascii")
    match kind:
        case "loop":
            while True:
                pass
        case "sleep":
            time.sleep(60)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(0)
        case "eat":
            return Made(by="eat", n=len(b"x" * 4 * MEMORY))
        case "hopeless":
            raise Hopeless("never")
        case "bug":
            raise ValueError("bug")
    return Made(by=str(os.getpid()), n=job.n)


@agent(SHORT_CPU)
def compute(job: Job) -> Made:
    return work(job)


@agent(replace(SHORT_CPU, timeout=60))
def long_compute(job: Job, _before: Made | None) -> Made:
    return work(job)


@agent(replace(SHORT_CPU, timeout=60))
def straggle(job: Job) -> Made:
    """The first process sleeps, which creates the file that the job names; others return."""
    if not Path(job.text).exists():
        Path(job.text).touch()
        time.sleep(60)
    return Made(by="straggle")


@agent(SHORT_CPU, batched=True)
def compute_batch(items: list[Job]) -> list[Made]:
    return [work(job) for job in items]


async def main(data: Path, file: str) -> None:
    """Run a job that never ends."""
    async with open_runtime(Settings(data=data)):
        await run([Job(key="a", text=f"loop:{file}")], long_compute)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))

"""Agents that work the processor, at the top of a module as processes of their own need them.

`python -m tests.agents.runtime.crashing_worker DATA FILE`: works for ever on a job that writes its pid there.
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
LITTLE = 256 * 1024**2
HASTY = replace(CPU, attempts=2, timeout=SECONDS, backoff=0.001, memory=LITTLE)


class Hopeless(PermanentError):
    """It can never work."""


def work(job: Job) -> Made:
    """Do what the job's text says, after its pid is written to the file it names."""
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
            return Made(by="eat", n=len(b"x" * 4 * LITTLE))
        case "hopeless":
            raise Hopeless("never")
        case "bug":
            raise ValueError("bug")
    return Made(by=str(os.getpid()), n=job.n)


@agent(HASTY)
def labour(job: Job) -> Made:
    return work(job)


@agent(replace(HASTY, timeout=60))
def patient_labour(job: Job, _before: Made | None) -> Made:
    return work(job)


@agent(HASTY, batched=True)
def labour_together(some: list[Job]) -> list[Made]:
    return [work(job) for job in some]


async def main(data: Path, file: str) -> None:
    """Never ends by itself."""
    async with open_runtime(Settings(data=data)):
        await run([Job(key="a", text=f"loop:{file}")], patient_labour)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))

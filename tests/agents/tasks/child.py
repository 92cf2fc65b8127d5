"""`python -m tests.agents.tasks.child FILE POINT HIT`: a run of a workflow that is killed at a fail point.

Tasks whose names begin with `bad` fail for good. Hit 0 kills nothing.
"""

import asyncio
import sys

from agents.runtime import PermanentError
from agents.runtime.testing import arm
from agents.tasks import run_task
from agents.tasks.models import WorkflowTask
from agents.tasks.run_task import TaskDone, wait
from flows.workflow_file import run_workflow


class Broken(PermanentError):
    """The task can never be done."""


async def fail(task: WorkflowTask) -> TaskDone:
    """As `wait`, except for tasks that fail."""
    if task.id.startswith("bad"):
        raise Broken
    return await wait(task)


def main() -> None:
    """Run the flow outside of Prefect, with two workers."""
    file, point, hit = sys.argv[1:]
    run_task.KINDS = {"wait": fail}
    arm({point: int(hit)})
    asyncio.run(run_workflow.fn(file, workers=2))


if __name__ == "__main__":
    main()

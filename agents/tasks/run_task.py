"""Run: what a task does, by its kind. To add a kind, name it in models.py and put its function into KINDS."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from agents.runtime import CPU, agent
from agents.runtime.context import runtime
from agents.runtime.execution.attempt import Cancelled
from agents.runtime.journal.queries import is_cancelled
from agents.runtime.model.policies import Policy
from agents.runtime.process_pool import PooledCall
from agents.tasks.models import DAY, WorkflowTask
from agents.tasks.scenario import TASKS
from agents.workflow.fields import Strict

LOOK = 1.0  # seconds between two looks whether a task that runs is cancelled
TASK = Policy("task", attempts=3, timeout=DAY, concurrency=64, backoff=1.0)
BLOCK = b"\0" * 65_536


class TaskDone(Strict):
    """The task is done; `seconds` are what it took: of waiting, or of computing."""

    seconds: float


@agent(replace(CPU, timeout=DAY))
def spin(task: WorkflowTask) -> TaskDone:
    """Compute for the seconds of processor time that the task says, in a process of its own."""
    while time.process_time() < task.seconds:
        hashlib.sha256(BLOCK).digest()
    return TaskDone(seconds=time.process_time())


async def wait(task: WorkflowTask) -> TaskDone:
    """Wait for the seconds that the task says, as a stand-in for work that was measured elsewhere."""
    await asyncio.sleep(task.seconds)
    return TaskDone(seconds=task.seconds)


async def compute(task: WorkflowTask) -> TaskDone:
    """Compute within the memory that the task takes, if it says how much."""
    pool, memory = runtime().process_pool, task.resources.get("memory")
    limit = int(memory) if memory else spin.policy.memory
    async with pool.slot(lambda: [spin.module]):
        call = PooledCall(spin.module, spin.name, limit, spin.packed([task]))
        found: TaskDone = spin.unpacked(await pool.run(call))
    return found


KINDS: Mapping[str, Callable[[WorkflowTask], Awaitable[TaskDone]]] = {
    "wait": wait,
    "compute": compute,
}


@agent(TASK, takes=lambda task: {name: n for name, n in task.resources.items() if n})
async def run_task(task: WorkflowTask) -> TaskDone:
    """Do what the task's kind says, while its resources are held.

    An attempt that takes longer than the task's `timeout` is given up and repeated. Raises Cancelled
    soon after somebody has asked for that.
    """
    await _check_cancelled(task)
    work = asyncio.ensure_future(KINDS[task.kind](task))
    try:
        async with asyncio.timeout(task.timeout):
            while not (await asyncio.wait({work}, timeout=LOOK))[0]:
                await _check_cancelled(task)
            return await work
    finally:
        work.cancel()


async def _check_cancelled(task: WorkflowTask) -> None:
    if await is_cancelled(runtime().journal, TASKS.name, task.key):
        raise Cancelled

"""A run of a workflow: its tasks are accepted, worked through as they become ready, and reported."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from agents.runtime import Batch, open_runtime, runtime
from agents.runtime.clock import clock
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.dependencies import accept_linked
from agents.runtime.journal.queue import require_room
from agents.runtime.journal.submit import Sender
from agents.runtime.model.lifecycle import State
from agents.runtime.prefect_ui import Progress, publish_table, rename_run
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint
from agents.tasks.fit import require_resources
from agents.tasks.models import Workflow
from agents.tasks.report import WorkflowReport
from agents.tasks.scenario import TASKS
from agents.tasks.submit import needs_of, new_items
from agents.tasks.view import TaskView, tasks_of

log = get_logger(__name__)

NAME = "workflow-file"
IDLE = 0.5  # seconds without work after which a run looks whether anything is left
FAR = 300.0  # seconds; a task that is tried again later than this leaves the run

Process = Callable[[Batch], Awaitable[None]]


@dataclass(slots=True)
class WorkflowRun:
    """One run of a workflow."""

    workflow: Workflow
    begun: float = field(default_factory=time.monotonic)

    async def accept(self) -> None:
        """Accept all tasks, or none; those that were accepted before are recognised.

        Raises Conflict if one of them was another task then, UnknownNeeds, QueueFull, and BadWorkflow for
        tasks that need more than there is.
        """
        here = runtime()
        await require_room(here.journal.database, TASKS.name, settings().queue_limit_of(TASKS.name))
        await require_resources(here.journal, self.workflow)
        sender = Sender.of(here.journal.tenant, TASKS)
        new = await new_items(here.journal, self.workflow)
        failpoint("accepting")
        await accept_linked(here.journal.database, sender, new, needs_of(self.workflow))
        failpoint("accepted")
        await rename_run(f"{NAME}: {self.workflow.name}, {len(new):,} tasks")

    async def wake(self) -> None:
        """Wake consumers elsewhere."""
        async with signals(settings()) as consumers:
            await consumers.wake(TASKS.name)

    async def work(self, process: Process, workers: int, size: int) -> None:
        """Take what is ready through `process` until nothing is left that goes on by itself.

        Other processes may take tasks of this workflow too, and this one tasks of others.
        """
        crew = _Crew(process, workers, size)
        stats, until = crew.consumer.stats, clock().monotonic() + runtime().lease.seconds
        stats.expected = len(self.workflow.tasks)
        before = await self.tasks()
        stats.outcomes.update(task.word for task in before if task.state is State.COMPLETED)
        left = [task for task in before if _is_near(task)]
        while left and not runtime().stop.asked:
            taken = crew.consumer.taken
            await crew.consumer.consume()
            left = [task for task in await self.tasks() if _is_near(task)]
            if crew.consumer.taken > taken or any(t.state is State.PROCESSING for t in left):
                until = clock().monotonic() + runtime().lease.seconds
            elif clock().monotonic() > until:
                log.warning("tasks stay in the queue: is it paused?", tasks=len(left))
                break
        runtime().stop.check()

    async def tasks(self) -> Sequence[TaskView]:
        """The workflow's tasks as the journal has them."""
        return await tasks_of(runtime().journal, self.workflow.name)

    async def report(self) -> WorkflowReport:
        """How all tasks of the workflow stand, also as a table in the UI."""
        seconds = time.monotonic() - self.begun
        report = WorkflowReport.of_tasks(self.workflow.name, await self.tasks(), seconds)
        await publish_table(f"{NAME}-outcomes", report.rows(), f"Tasks of {self.workflow.name}")
        return report


@dataclass(slots=True)
class _Crew:
    """Workers of this process, which wake each other."""

    process: Process
    workers: int
    size: int
    consumer: Consumer = field(init=False)
    _woken: "asyncio.Queue[None]" = field(init=False)
    _progress: Progress = field(default_factory=lambda: Progress(NAME))

    def __post_init__(self) -> None:
        self._woken = asyncio.Queue(maxsize=self.workers)
        options = ConsumerOptions(self.size, at_once=self.workers, batches=2**31, idle=IDLE)
        self.consumer = Consumer(TASKS, self._run, self._wait, options, wake=self._wake)

    async def _run(self, batch: Batch) -> None:
        await self.process(batch)
        await self._progress.show(self.consumer.stats)

    async def _wake(self) -> None:
        if not self._woken.full():
            self._woken.put_nowait(None)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.get()


def _is_near(task: TaskView) -> bool:
    return task.goes_on and task.due <= FAR


@asynccontextmanager
async def open_run(workflow: Workflow) -> AsyncIterator[WorkflowRun]:
    """Open the runtime for a run; what is unfinished at the end of the block is handed back.

    Raises SettingsError and DidNotStart.
    """
    async with open_runtime(settings()):
        yield WorkflowRun(workflow)

"""Rolling task runs: quick batches share a Prefect task run, which stays open for about a second.

A task run costs more than the steps of a few items. So these follow time and work, not batches.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING

from agents.runtime.clock import clock
from agents.runtime.model.batch import Batch, ProcessBatch
from agents.runtime.run_context import in_flow_run, task_run_context
from agents.runtime.telemetry import get_logger

if TYPE_CHECKING:
    from prefect.context import TaskRunContext

log = get_logger(__name__)

OPEN_SECONDS = 1.0  # from the first batch of a run until no more batches join it
QUICK_SECONDS = 0.25  # a batch that takes longer has a task run for each of its steps


@asynccontextmanager
async def rolling(
    name: str, process: ProcessBatch, *, few: int = 0, ahead: bool = False
) -> AsyncIterator[ProcessBatch]:
    """Processes batches as `process` does; in a flow run the quick ones share task runs of this `name`.

    A batch is quick if it has at most `few` items, or by the pace of the batch before it. With `ahead`
    the next task run begins before it is needed, so that no item waits for Prefect. The block ends
    when the last task run has ended.
    """
    runs = RollingRuns(name, process, few, ahead=ahead)
    try:
        yield runs.process
    except BaseException:
        runs.cancel()
        raise
    finally:
        await runs.close()


class RollingRuns:
    """The task runs of one flow run; each begins in the context that this is made in."""

    def __init__(self, name: str, process: ProcessBatch, few: int, *, ahead: bool) -> None:
        self._name, self._process, self._few, self._ahead = name, process, few, ahead
        self._seconds_an_item = inf
        self._context = copy_context()
        self._running: set[asyncio.Task[object]] = set()
        self._open: OpenRun | None = None
        if ahead and _are_possible():
            self._begin()

    async def process(self, batch: Batch) -> None:
        """Take a batch through the workflow, in a shared task run if it is quick."""
        if _are_possible() and self._is_quick(batch.count):
            run = self._open or self._begin()
            run.close_after(OPEN_SECONDS, self._roll)
            await run.process(self._timed, batch)
        else:
            await self._timed(batch)

    async def _timed(self, batch: Batch) -> None:
        count, begun = batch.count, clock().monotonic()
        await self._process(batch)
        if count:
            self._seconds_an_item = (clock().monotonic() - begun) / count

    async def close(self) -> None:
        """Let the runs end, and wait until they have."""
        if self._open is not None:
            self._open.close()
        await asyncio.gather(*self._running, return_exceptions=True)

    def cancel(self) -> None:
        """End the runs without waiting for what they do."""
        for run in self._running:
            run.cancel()

    def _is_quick(self, count: int) -> bool:
        return 0 < count <= self._few or 0 < count * self._seconds_an_item < QUICK_SECONDS

    def _begin(self) -> "OpenRun":
        from agents.runtime.execution.prefect_tasks import (  # noqa: PLC0415 - loads Prefect
            shared_task,
        )

        self._open = run = OpenRun()
        task = shared_task(self._name, run.body)
        running = asyncio.get_running_loop().create_task(task(), context=self._context.copy())
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        running.add_done_callback(run.ended)
        return run

    def _roll(self) -> None:
        """Let no more batches join the open run."""
        self._open = None
        if self._ahead:
            self._begin()


def _are_possible() -> bool:
    return in_flow_run() and task_run_context() is None


class OpenRun:
    """One task run: its body waits while batches are processed in its context."""

    def __init__(self) -> None:
        self._context: asyncio.Future[TaskRunContext] = asyncio.get_running_loop().create_future()
        self._closing, self._idle = asyncio.Event(), asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._working, self._batches, self._failed = 0, 0, 0
        self._steps = Counter[str]()
        self._idle.set()

    async def body(self) -> tuple[bool, str]:
        """What the task run does: whether no batch has failed, and how many items took which steps."""
        context = task_run_context()
        assert context is not None, "Prefect runs this within a task run"
        self._context.set_result(context)
        await self._closing.wait()
        await self._idle.wait()
        took = ", ".join(f"{name} {count:,}" for name, count in self._steps.items()) or "no items"
        return not self._failed, f"{self._batches:,} batches; items by step: {took}"

    async def process(self, process: ProcessBatch, batch: Batch) -> None:
        """Process a batch within this task run."""
        count = batch.count
        self._working += 1
        self._idle.clear()
        try:
            # The caller keeps its own context beside the run: what it has set is not this run's.
            with (await asyncio.shield(self._context)).model_copy():
                await process(batch)
        except BaseException:
            self._failed += 1
            raise
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()
        self._batches += 1
        self._steps.update(dict.fromkeys(batch.context.calls, count))

    def close_after(self, seconds: float, then: Callable[[], None]) -> None:
        """Close some seconds after the first call of this, and do `then`."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out, then)

    def close(self) -> None:
        """Let the task run end when its batches have."""
        if self._timer is not None:
            self._timer.cancel()
        self._closing.set()

    def ended(self, running: "asyncio.Task[object]") -> None:
        """The task run has ended; one that never began fails the batches that wait for it."""
        error = None if running.cancelled() else running.exception()
        if error is not None:
            log.warning("a shared task run has failed", error=str(error))
        if self._context.done():
            return
        if error is None:
            self._context.cancel()
        else:
            self._context.set_exception(error)

    def _time_out(self, then: Callable[[], None]) -> None:
        self.close()
        then()

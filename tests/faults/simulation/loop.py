"""One event loop for many simulated processes, with virtual time; a seed chooses the next step.

Nothing waits here: if no process can run, the time jumps to the next timer. A task that another task
starts belongs to the same process, by its context. So a process can be killed or frozen between any two
of its steps: the loop drops its callbacks, or keeps them until the process wakes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from random import Random
from typing import Any, Protocol

MAX_STEPS = 200_000


class Stuck(AssertionError):
    """No process can ever run again, or they run without end."""


class LoopProcess(Protocol):
    """A simulated process as the loop sees it."""

    alive: bool
    frozen: bool
    tasks: list["asyncio.Task[Any]"]
    held: list[asyncio.Handle]

    def step(self) -> None:
        """Called before each step of the process, which may die or freeze in it."""
        ...


PROCESS: ContextVar[LoopProcess | None] = ContextVar("process", default=None)


class _Ready(deque[asyncio.Handle]):
    """The callbacks that can run, in the order of the seed; dead and frozen processes do not run."""

    def __init__(self, rng: Random, nothing: asyncio.Handle) -> None:
        super().__init__()
        self._rng, self._nothing = rng, nothing
        self.steps = 0

    def popleft(self) -> asyncio.Handle:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Stuck(f"more than {MAX_STEPS} steps")
        if len(self) > 1:
            self.rotate(-self._rng.randrange(len(self)))
        handle = super().popleft()
        process = process_of(handle)
        if process is None or handle.cancelled():
            return handle
        if process.alive and not process.frozen:
            process.step()
        if not process.alive:
            return self._nothing
        if process.frozen:
            process.held.append(handle)
            return self._nothing
        return handle


class SimulatedLoop(asyncio.BaseEventLoop):
    """An event loop without selector, threads or real time."""

    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, rng: Random) -> None:
        super().__init__()
        nothing = asyncio.Handle(lambda: None, (), self)
        nothing.cancel()
        # BaseEventLoop only runs these callbacks, so their order is the whole schedule.
        self._ready = _Ready(rng, nothing)
        self._selector = self
        self._at = 0.0
        self.set_task_factory(_start)  # type: ignore[arg-type]  # typeshed wants a generator's, too
        # Processes report themselves how they end.
        self.set_exception_handler(lambda _loop, _context: None)

    @property
    def steps(self) -> int:
        """How many steps all processes have run."""
        return self._ready.steps

    def time(self) -> float:
        """Return virtual seconds since the start."""
        return self._at

    def select(self, timeout: float | None) -> list[Any]:
        """Advance the virtual time; the loop calls this as its selector."""
        if timeout is None:
            raise Stuck("no process can run any more")
        if timeout > 0:
            self._at = max(self._at, self._scheduled[0].when())
        return []

    def run_in_executor(  # type: ignore[override]  # any function
        self, _executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Call the function at once: a thread would take real time."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the awaiting task gets it
            done.set_exception(error)
        return done

    def forget(self, process: LoopProcess) -> None:
        """Cancel all timers of a dead process."""
        for timer in list(self._scheduled):
            if process_of(timer) is process:
                timer.cancel()

    def wake(self, handles: list[asyncio.Handle]) -> None:
        """Let the held callbacks run."""
        self._ready.extend(handles)

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def process_of(handle: asyncio.Handle) -> LoopProcess | None:
    """Return the process of the callback, if it has one."""
    context: Context | None = handle._context  # type: ignore[attr-defined]  # asyncio has no other way
    return context.get(PROCESS) if context is not None else None


def _start(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Any = None
) -> "asyncio.Task[Any]":
    """Create a task that its process keeps: collecting a task of a dead process would run its `finally`."""
    task = asyncio.Task(coroutine, loop=loop, context=context)
    process = context.get(PROCESS) if context is not None else PROCESS.get()
    if process is not None:
        process.tasks.append(task)
    return task

"""One event loop for many simulated processes: virtual time, and a seed that chooses who goes on.

Nothing here waits: when nobody can go on, time jumps to the next timer. Whatever a task starts belongs
to the process of that task, by its context, so that a process can be killed or stopped between any
two of its steps: what it still had to do is thrown away, or kept until it wakes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from random import Random
from typing import Any, Protocol

MOST_STEPS = 200_000


class Stuck(AssertionError):
    """Nothing will ever happen again, or far too much has."""


class Steps(Protocol):
    """A simulated process as the loop sees it."""

    alive: bool
    still: bool
    tasks: list["asyncio.Task[Any]"]
    held: list[asyncio.Handle]

    def step(self) -> None:
        """Called before each of its steps; it may be dead or stand still afterwards."""
        ...


PROCESS: ContextVar[Steps | None] = ContextVar("process", default=None)


class _Ready(deque[asyncio.Handle]):
    """What could go on now, in the order of the seed; the dead and the stopped do not."""

    def __init__(self, rng: Random, nothing: asyncio.Handle) -> None:
        super().__init__()
        self._rng, self._nothing = rng, nothing
        self.steps = 0

    def popleft(self) -> asyncio.Handle:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Stuck(f"{MOST_STEPS} steps, and no end")
        if len(self) > 1:
            self.rotate(-self._rng.randrange(len(self)))
        handle = super().popleft()
        process = process_of(handle)
        if process is None or handle.cancelled():
            return handle
        if process.alive and not process.still:
            process.step()
        if not process.alive:
            return self._nothing
        if process.still:
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
        # What BaseEventLoop does in turn is all it does, so its order is the whole schedule.
        self._ready = _Ready(rng, nothing)
        self._selector = self
        self._at = 0.0
        self.set_task_factory(_start)  # type: ignore[arg-type]  # typeshed wants a generator's, too
        self.set_exception_handler(
            lambda _loop, _told: None
        )  # processes say themselves how they end

    @property
    def steps(self) -> int:
        """How many steps all of them have made."""
        return self._ready.steps

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._at

    def select(self, timeout: float | None) -> list[Any]:
        """Let time pass; as the loop's selector."""
        if timeout is None:
            raise Stuck("nothing will ever happen again")
        if timeout > 0:
            self._at = max(self._at, self._scheduled[0].when())
        return []

    def run_in_executor(  # type: ignore[override]  # whatever it is asked to run
        self, _executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Threads would bring real time in: what is asked of one is done here and now."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits it
            done.set_exception(error)
        return done

    def forget(self, process: Steps) -> None:
        """Drop all timers of a process that has died."""
        for timer in list(self._scheduled):
            if process_of(timer) is process:
                timer.cancel()

    def wake(self, handles: list[asyncio.Handle]) -> None:
        """Let what was held go on."""
        self._ready.extend(handles)

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def process_of(handle: asyncio.Handle) -> Steps | None:
    """Whose step it is."""
    context: Context | None = handle._context  # type: ignore[attr-defined]  # asyncio has no other way
    return context.get(PROCESS) if context is not None else None


def _start(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Any = None
) -> "asyncio.Task[Any]":
    """A task, kept by its process: what is dead must not be collected, or its `finally` would run."""
    task = asyncio.Task(coroutine, loop=loop, context=context)
    process = context.get(PROCESS) if context is not None else PROCESS.get()
    if process is not None:
        process.tasks.append(task)
    return task

"""SIGTERM: take no new work, finish what is in flight if that is quick, hand back the rest.

A worker, a container platform and a person all stop a process so. What is handed back counts as no
death of its items.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agents.runtime.errors import AgentError
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

GRACE = 7.0  # seconds for what is in flight; platforms kill after 10 and more


class Stopped(AgentError):
    """The run was asked to stop; what it held is handed back and waits for the next one."""

    def __str__(self) -> str:
        return "stopped on request: what is unfinished was handed back, run it again to go on"


class Stop:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def asked(self) -> bool:
        """Whether it was."""
        return self._event.is_set()

    def ask(self) -> None:
        """Ask it to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped if it was."""
        if self.asked:
            raise Stopped

    async def wait(self, seconds: float) -> None:
        """Until it is, for at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


@contextmanager
def stop_on_sigterm(grace: float = GRACE) -> Iterator[Stop]:
    """Within the block SIGTERM asks to stop, and cancels the running task `grace` seconds later.

    Outside of the main thread signals cannot be heard, and nothing changes.
    """
    stop, task, loop = Stop(), asyncio.current_task(), asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread() or task is None:
        yield stop
        return

    def ask() -> None:
        log.warning("asked to stop", grace=grace)
        stop.ask()
        handles.append(loop.call_later(grace, task.cancel))

    handles: list[asyncio.TimerHandle] = []
    before = signal.getsignal(signal.SIGTERM)
    loop.add_signal_handler(signal.SIGTERM, ask)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
        for handle in handles:
            handle.cancel()

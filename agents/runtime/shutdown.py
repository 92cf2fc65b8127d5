"""SIGTERM: take no new items, finish held ones within the grace period, hand back the rest.

Prefect workers, container platforms and operators stop processes by SIGTERM. Handing back counts as
no crash.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agents.runtime.errors import AgentError
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

GRACE = 7.0  # seconds for held items; platforms kill a process after 10 or more


class Stopped(AgentError):
    """The process was asked to stop; unfinished items are handed back."""

    def __str__(self) -> str:
        return "stopped on request: unfinished items were handed back, run the command again"


class Stop:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def asked(self) -> bool:
        """Whether the process was asked to stop."""
        return self._event.is_set()

    def ask(self) -> None:
        """Ask the process to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped if the process was asked to stop."""
        if self.asked:
            raise Stopped

    async def wait(self, seconds: float) -> None:
        """Wait up to `seconds`, or until the process is asked to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


@contextmanager
def stop_on_sigterm(grace: float = GRACE) -> Iterator[Stop]:
    """Within the block SIGTERM asks to stop, and cancels the current task `grace` seconds later.

    Only the main thread can handle signals; in other threads nothing changes.
    """
    stop, task, loop = Stop(), asyncio.current_task(), asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread() or task is None:
        yield stop
        return

    def ask() -> None:
        log.warning("the process was asked to stop", grace=grace)
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

"""SIGTERM and Ctrl-C: take no new items, finish held ones within the grace period, hand back the rest.

Prefect workers, container platforms and operators stop processes by SIGTERM. Handing back counts as
no crash. A command ends within BOUND seconds in any case. A signal that was ignored when the process
started, as SIGINT is for `nohup` and for jobs in the background of a script, stays ignored.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from agents.runtime.errors import AgentError
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

GRACE = 7.0  # seconds for held items; platforms kill a process after 10 or more
BOUND = 9.0  # seconds from the first signal to the end of a command
ONE_SIGNAL = 0.5  # seconds within which the same signal counts once: `timeout` sends it twice
BLOCKED_SECONDS = 1.0  # after which an event loop that does not run any task is interrupted


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

    async def until_asked(self) -> None:
        """Wait until the process is asked to stop."""
        await self._event.wait()

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
        if _ending is not None:
            _ending.note(signal.SIGTERM)
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


class Ending:
    """How a command ends by Ctrl-C or SIGTERM: in order, but within BOUND seconds, or at the second Ctrl-C.

    `signal` is the first signal, 0 before it.
    """

    def __init__(self) -> None:
        self.signal, self._at = 0, 0.0
        self._cancel: Callable[[], object] | None = None
        self._interrupting = False

    @property
    def status(self) -> int:
        """The exit status, as shells count it: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def install(self) -> None:
        """Handle the signals until the process ends, except those that it was started to ignore."""
        global _ending  # noqa: PLW0603 - a process has one
        _ending = self
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    @contextmanager
    def cancels_task(self) -> Iterator[None]:
        """Within the block a signal cancels the current task, as asyncio.run does after Ctrl-C."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def cancel() -> None:
            self._interrupting = False
            task.cancel()

        self._cancel = lambda: loop.call_soon_threadsafe(cancel)
        handled = signal.getsignal(signal.SIGTERM) == self._handle
        if handled:
            # The loop notes the signal even while Prefect, which starts a flow, has its own handler.
            loop.add_signal_handler(signal.SIGTERM, self.note, signal.SIGTERM)
            signal.signal(signal.SIGTERM, self._handle)
        try:
            yield
        finally:
            self._cancel = None
            if handled:
                loop.remove_signal_handler(signal.SIGTERM)
                signal.signal(signal.SIGTERM, self._handle)

    def note(self, number: int) -> bool:
        """Note a signal and bound the time that is left; False if it was noted before."""
        if self.signal:
            if number == signal.SIGINT and time.monotonic() - self._at > ONE_SIGNAL:
                self._end_at_once("a second Ctrl-C")
            return False
        self.signal, self._at = number, time.monotonic()
        _after(BOUND, lambda: self._end_at_once(f"no end within {BOUND:g} seconds"))
        return True

    def _handle(self, number: int, _frame: object) -> None:
        if self._interrupting:
            self._interrupting = False
            raise KeyboardInterrupt
        if not self.note(number):
            return
        if self._cancel is None:
            raise KeyboardInterrupt
        # A loop that is blocked, such as by a server that starts, does not see the cancellation.
        self._interrupting = True
        self._cancel()
        _after(BLOCKED_SECONDS, self._interrupt)

    def _interrupt(self) -> None:
        if self._interrupting:
            os.kill(os.getpid(), self.signal)

    def _end_at_once(self, reason: str) -> None:
        with suppress(OSError):
            words = f"stopped at once, after {reason}: other processes take over what it held\n"
            os.write(2, words.encode())
        os._exit(self.status)


_ending: Ending | None = None


def _after(seconds: float, function: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()

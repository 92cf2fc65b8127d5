"""What time it is for this process, and how long a call may still take."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from math import inf
from typing import Protocol

from agents.runtime.errors import PermanentError


class Clock(Protocol):
    """Tells the time in seconds; the module `time` is one."""

    def time(self) -> float:
        """Since 1970; whoever administers the host may set it."""
        ...

    def monotonic(self) -> float:
        """Since any moment; good for durations only."""
        ...


CLOCK: ContextVar[Clock] = ContextVar("clock", default=time)


def clock() -> Clock:
    """The clock of this process."""
    return CLOCK.get()


# What is called ends a moment earlier than its caller, so it can still say what has happened.
MARGIN = 0.05

_ends: ContextVar[float] = ContextVar("call_ends", default=inf)


class DeadlineExceeded(PermanentError):
    """The item's deadline has passed, or will have before it can be tried again."""

    def __str__(self) -> str:
        return "its deadline has passed"


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Bound the block, and let what it calls know. Raises TimeoutError."""
    token = _ends.set(clock().monotonic() + seconds - MARGIN)
    try:
        async with asyncio.timeout(seconds):
            yield
    finally:
        _ends.reset(token)


def budget() -> float:
    """Seconds that are left for a call from here; infinite where nothing bounds it."""
    return _ends.get() - clock().monotonic()

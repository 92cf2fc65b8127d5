"""The clock of this process, and the time that is left for a call."""

import asyncio
import time
from contextvars import ContextVar, Token
from dataclasses import dataclass
from math import inf
from types import TracebackType
from typing import Protocol

from agents.runtime.errors import PermanentError


class Clock(Protocol):
    """Gives the time in seconds; the module `time` is a Clock."""

    def time(self) -> float:
        """Seconds since 1970; it jumps when the clock of the host is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment; use it for durations only."""
        ...


CLOCK: ContextVar[Clock] = ContextVar("clock", default=time)


def clock() -> Clock:
    """The clock of this process."""
    return CLOCK.get()


# Seconds by which a callee ends before its caller, so that it can still report what happened.
MARGIN = 0.05

_ends: ContextVar[float] = ContextVar("call_ends", default=inf)


class DeadlineExceeded(PermanentError):
    """The item's deadline has passed, or would pass before the next attempt."""

    def __str__(self) -> str:
        return "the deadline has passed"


class within:  # noqa: N801 - it reads as a function; a generator takes three times as long for each call
    """Limit the block to `seconds`; functions called in it get the rest from `budget`.

    Gives the time-out, which may be rescheduled to end earlier. Raises TimeoutError.
    """

    __slots__ = ("_seconds", "_timeout", "_token")
    _token: Token[float]

    def __init__(self, seconds: float) -> None:
        self._seconds, self._timeout = seconds, asyncio.timeout(seconds)

    async def __aenter__(self) -> asyncio.Timeout:
        self._token = _ends.set(clock().monotonic() + self._seconds - MARGIN)
        return await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        finally:
            _ends.reset(self._token)


def budget() -> float:
    """Seconds that are left for a call from here; infinite outside of `within`."""
    return _ends.get() - clock().monotonic()


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the database's clock: `at`, between two moments of this process.

    `begun` and `ended` are times of `clock().monotonic()`, `here` is `clock().time()` at the end.
    """

    at: float
    begun: float
    ended: float
    here: float

    @property
    def skew(self) -> float:
        """Seconds by which the database's clock is ahead of this host's, as far as it is certain."""
        return _outside(self.at - self.here, self.begun - self.ended, 0.0)

    def set_since(self, earlier: "Reading") -> float:
        """Seconds by which the database's clock was set since then, as far as it is certain.

        Positive: forward. The monotonic clock of this process says how much time has passed.
        """
        least, most = self.begun - earlier.ended, self.ended - earlier.begun
        return _outside(self.at - earlier.at, least, most)


def _outside(value: float, least: float, most: float) -> float:
    """How far the value lies below `least` (negative) or above `most`; 0 between them."""
    return value - min(max(value, least), most)

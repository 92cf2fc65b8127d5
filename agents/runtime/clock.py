"""What time it is for this process: on the wall, and on the clock that never jumps."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds; the module `time` is one."""

    def time(self) -> float:
        """Since 1970; whoever administers the host may set it."""
        ...

    def monotonic(self) -> float:
        """Since any moment; good for durations only."""
        ...


_clock: ContextVar[Clock] = ContextVar("clock", default=time)


def clock() -> Clock:
    """The clock of this process."""
    return _clock.get()


@contextmanager
def run_by(other: Clock) -> Iterator[None]:
    """Within the block, and in the tasks it starts, another clock tells the time."""
    token = _clock.set(other)
    try:
        yield
    finally:
        _clock.reset(token)

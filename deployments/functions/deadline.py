"""Until when an invocation claims work, and when it must hand back what is left.

An invocation stops claiming while one more batch might not end in time: at what remains, less the 99th
percentile of the time that a batch takes, less a buffer.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database
from agents.runtime.journal.durations import completed

Remaining = Callable[[], float]
"""Seconds that the provider leaves this invocation, now. Zero means none, not no limit."""


def counted(seconds: float) -> Remaining:
    """What is left of this number of seconds from now on, for providers that do not say it."""
    deadline = Deadline.after(seconds)
    return lambda: deadline.left


LATEST = 200  # batches, or items of the journal, that say how long a batch takes
QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock after which nothing may be in work."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline in this number of seconds; a negative number is in the past."""
        return cls(clock().monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until it, at least 0."""
        return max(self.at - clock().monotonic(), 0.0)

    def allows(self, seconds: float) -> bool:
        """Whether what takes this number of seconds ends before it."""
        return clock().monotonic() + seconds < self.at


@dataclass(slots=True)
class BatchTimes:
    """How long the latest batches took, in seconds: those of this process, which warm starts share.

    Before the first one the journal says how long items took elsewhere.
    """

    latest: deque[float] = field(default_factory=lambda: deque(maxlen=LATEST))
    of_items: float = 0.0
    is_known: bool = False

    def p99(self, most: float) -> float:
        """Seconds within which 99 % of batches ended, at least as long as items take.

        It is at most `most`: a process that met slow batches would else never claim one again.
        """
        return min(max(quantile(self.latest), self.of_items), most)

    async def learn(self, database: Database, scenario: str) -> None:
        """Ask the journal once in a process."""
        if not self.is_known:
            seconds = [one.seconds async for one in completed(database, scenario, LATEST)]
            self.of_items, self.is_known = quantile(seconds), True


def quantile(seconds: "deque[float] | list[float]") -> float:
    """The 99th percentile by nearest rank: the longest of fewer than a hundred; 0 of none."""
    if not seconds:
        return 0.0
    return sorted(seconds)[math.ceil(QUANTILE * len(seconds)) - 1]

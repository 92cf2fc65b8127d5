"""How long a queue or an item will take, with an interval: from forecasts and the pace that was measured.

The interval is from the median to the 90th percentile. What items are off by is independent, so it
adds up as the root of squares and matters little for many items; what the pace is off by does not.
"""

import math
from dataclasses import dataclass

from agents.runtime.clock import clock
from agents.runtime.model.batch import RunStats
from agents.runtime.scheduling.scaling import Load

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
NORMAL_P90 = (
    1.2816  # standard deviations from the mean of a normal distribution to its 90th percentile
)


@dataclass(frozen=True, slots=True)
class Work:
    """Work of some items: `items`, their `seconds` in total, and the `variance` of that total."""

    items: int = 0
    seconds: float = 0.0
    variance: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.items + other.items,
            self.seconds + other.seconds,
            self.variance + other.variance,
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds from now: the median, and what nine of ten do not exceed."""

    p50: float
    p90: float

    def __add__(self, other: "Interval") -> "Interval":
        """One after the other, where each is late independently of the other."""
        spread = math.hypot(self.p90 - self.p50, other.p90 - other.p50)
        return Interval(self.p50 + other.p50, self.p50 + other.p50 + spread)

    def __str__(self) -> str:
        """As a person reads it, such as "12 min (9 of 10: 15 min)"."""
        likely, late = duration(self.p50), duration(self.p90)
        return likely if likely == late else f"{likely} (9 of 10: {late})"


def drain(work: Work, load: Load, measured: float) -> Interval | None:
    """The time until consumers have done the work; None without a consumer.

    `measured` is the number of items that the pace was measured with: it is off by about one in its
    root.
    """
    if not work.seconds:
        return Interval(0.0, 0.0)
    if not load.consumers:
        return None
    speed = min(load.consumers * load.pace, load.limit)
    seconds = work.seconds / speed
    off = math.hypot(math.sqrt(work.variance) / speed, seconds / math.sqrt(max(measured, 1.0)))
    return Interval(seconds, seconds + NORMAL_P90 * off)


def left_of(total: Interval, done: float) -> Interval:
    """What is left of an item's own work after `done` seconds of it."""
    return Interval(max(total.p50 - done, 0.0), max(total.p90 - done, 0.0))


def of_run(stats: RunStats) -> Interval | None:
    """The time until a run has counted all its items, at its present progress; None while unknown.

    The items left take as long as those before them; how long they take is off by about one in the
    root of those that are done. Items that an earlier run has ended took no time.
    """
    known = stats.outcomes["already done"]
    done, left = stats.done - known, (stats.expected or 0) - stats.done
    if done <= 0 or left <= 0:
        return None
    seconds = (clock().monotonic() - stats.begun) * left / done
    return Interval(seconds, seconds * (1 + NORMAL_P90 / math.sqrt(done)))


def duration(seconds: float) -> str:
    """A time span as a person reads it: 250 ms, 12 s, 3 min, 2.5 h, 4.0 d."""
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} d"

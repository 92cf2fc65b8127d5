"""Order among equals: who of the items of one tenant and one priority goes next.

Every item has a place, which it got when it arrived. Places are served in turn, as in a queue that is
first in, first out, so other tenants and priorities notice nothing. But the item at the place whose
turn it is may swap with another of its group: with the one that has waited longest, if that is longer
than an age limit; otherwise with the one of the lowest precedence. An item without a forecast neither
gives its place away nor gets another.

The age limit is about the 99th percentile of what items would wait first in, first out. Where a few
long items make most of the work, hardly anybody waits most of the time, and then everybody waits for
hours. So the limit follows the worst of three: what lately ended, what waits now, and what was known
before, which fades slowly. A limit that is too low is never worse than first in, first out.
"""

import heapq
from collections.abc import Sequence
from itertools import accumulate
from math import exp, inf
from typing import NamedTuple

QUANTILE = 0.99
# The limit is longer than first in, first out by this factor: it gains more than it costs.
MARGIN = 1.1
# A limit falls to its 2.7th part after this many times itself. With real sizes, 100 gains a seventh of
# the mean wait and makes the longest wait a quarter longer: tests/benchmarks/scheduling.
FADING = 40.0
LOOKED_BACK = 1_000  # completions that a limit is made from


class Completion(NamedTuple):
    """An item that was served: when it arrived and when it ended, and the seconds of work on it.

    Without `started` it was served without a pause.
    """

    arrived: float
    ended: float
    seconds: float
    started: float | None = None

    @property
    def begun(self) -> float:
        """When work on it began."""
        return self.ended - self.seconds if self.started is None else self.started


def servers(completions: Sequence[Completion]) -> int:
    """How many items were served at once when most were; at least one.

    An item that a batch kept waiting between its steps counts for the part of the time that it was
    served.
    """
    moves = list[tuple[float, float]]()
    for one in completions:
        passed = one.ended - one.begun
        part = min(1.0, one.seconds / passed) if passed > 0 else 0.0
        moves += [(one.begun, part), (one.ended, -part)]
    return max(1, round(max(accumulate(part for _, part in sorted(moves)), default=0.0)))


def fifo_waits(completions: Sequence[Completion], at_once: int) -> list[float]:
    """The seconds that these items would have waited, first in, first out, for one of the servers.

    Source: J. Kiefer, J. Wolfowitz, "On the theory of queues with many servers", 1955.
    """
    free, waits = [-inf] * at_once, []
    for one in sorted(completions):
        begun = max(one.arrived, free[0])
        heapq.heapreplace(free, begun + one.seconds)
        waits.append(begun - one.arrived)
    return waits


def age_limit(
    completions: Sequence[Completion],
    waiting: float = 0.0,
    known: float | None = None,
    elapsed: float = 0.0,
) -> float | None:
    """From what wait on an item goes before all shorter ones, in seconds; None if nobody knows yet.

    Args:
        completions: The last items that ended; LOOKED_BACK are enough.
        waiting: The seconds of work that wait.
        known: The limit before.
        elapsed: The seconds since then.

    """
    if not completions:
        return known
    at_once = servers(completions)
    waits = sorted(fifo_waits(completions, at_once))
    lately = waits[min(int(len(waits) * QUANTILE), len(waits) - 1)]
    before = known * exp(-elapsed / (FADING * known)) if known else 0.0
    return max(MARGIN * lately, MARGIN * waiting / at_once, before)

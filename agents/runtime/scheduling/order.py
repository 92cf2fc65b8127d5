"""Order among equals: who of the items of one tenant and one priority goes next.

Every item has a place, which it got when it arrived. Places are served in turn, as in a queue that is
first in, first out, so other tenants and priorities notice nothing. But the item at the place whose
turn it is may swap with another of its group: with the one that has waited longest, if that is longer
than an age limit; otherwise with the one of the lowest precedence. An item without a forecast neither
gives its place away nor gets another.

The age limit is the 99th percentile of what items would have waited first in, first out.
"""

import heapq
from collections import defaultdict
from collections.abc import Hashable, Sequence
from math import inf
from typing import Generic, NamedTuple, TypeVar

QUANTILE = 0.99
HISTORY = 10_000  # completions that the age limit is made from; 1,000 know only one busy period
BRIEF = 0.01  # of the busy time

Key = TypeVar("Key", bound=Hashable)


class Completion(NamedTuple):
    """An item that was served: when it arrived and when it ended, and the seconds of work on it."""

    arrived: float
    ended: float
    seconds: float


def servers(completions: Sequence[Completion]) -> int:
    """The most items that were in work at once for more than a hundredth of the busy time.

    So two items are not at once where one only seems to begin before the other ends, by rounding.
    """
    moves = [(one.ended - one.seconds, 1) for one in completions]
    moves += [(one.ended, -1) for one in completions]
    moves.sort()
    seconds = defaultdict[int, float](float)
    running, since = 0, 0.0
    for at, change in moves:
        seconds[running] += at - since if running > 0 else 0.0
        running, since = running + change, at
    least, above = sum(seconds.values()) * BRIEF, 0.0
    for count in sorted(seconds, reverse=True):
        above += seconds[count]
        if above > least:
            return count
    return min(1, len(completions))


def fifo_waits(completions: Sequence[Completion], at_once: int) -> list[float]:
    """The seconds that these items would have waited, first in, first out, for one of the servers.

    Source: J. Kiefer, J. Wolfowitz, "On the theory of queues with many servers", 1955.
    """
    free, waits = [-inf] * at_once, []
    for arrived, _, seconds in sorted(completions):
        begun = max(arrived, free[0])
        heapq.heapreplace(free, begun + seconds)
        waits.append(begun - arrived)
    return waits


def age_limit(completions: Sequence[Completion]) -> float | None:
    """From what wait on an item goes before all shorter ones, in seconds; None if nobody knows yet."""
    waits = sorted(fifo_waits(completions, servers(completions))) if completions else []
    return waits[min(int(len(waits) * QUANTILE), len(waits) - 1)] if waits else None


class _Entry(NamedTuple):
    arrived: float
    precedence: float | None
    place: int


class ReadySet(Generic[Key]):
    """The items of one group that are ready, in memory; each operation takes log n steps.

    A claim does the same by SQL, see `journal/order.py`.
    """

    __slots__ = ("_by_age", "_by_precedence", "_holders", "_items", "_turn")

    def __init__(self) -> None:
        self._turn = 0  # the place that is served next; those behind it are taken without a gap
        self._holders: dict[int, Key] = {}
        self._items: dict[Key, _Entry] = {}
        self._by_age: list[tuple[float, int, Key]] = []
        self._by_precedence: list[tuple[float, int, Key]] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, key: Key, arrived: float, precedence: float | None = None) -> None:
        """Add an item at the last place."""
        place = self._turn + len(self._items)
        self._holders[place], self._items[key] = key, _Entry(arrived, precedence, place)
        if precedence is not None:
            heapq.heappush(self._by_age, (arrived, place, key))
            heapq.heappush(self._by_precedence, (precedence, place, key))

    def take(self, now: float, *, shortest_first: bool, age_limit: float | None = None) -> Key:
        """Remove and return the item that goes next. Raises KeyError if there is none."""
        first = chosen = self._holders.pop(self._turn)
        entry = self._items[first]
        if shortest_first and entry.precedence is not None:
            chosen = self._preferred(now - (inf if age_limit is None else age_limit))
        if chosen != first:
            place = self._items[chosen].place
            self._holders[place], self._items[first] = first, entry._replace(place=place)
        del self._items[chosen]
        self._turn += 1
        return chosen

    def _preferred(self, before: float) -> Key:
        for heap in (self._by_age, self._by_precedence):
            while heap[0][2] not in self._items:
                heapq.heappop(heap)
        oldest = self._by_age[0]
        return oldest[2] if oldest[0] < before else self._by_precedence[0][2]

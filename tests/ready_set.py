"""The rule of claims for items in memory: simulations use it, and tests hold the SQL of claims to it.

`agents/runtime/journal/precedence.py` does the same in the journal.
"""

import heapq
from collections.abc import Hashable
from math import inf
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


class _Entry(NamedTuple):
    arrived: float
    precedence: float | None
    place: int


class ReadySet(Generic[Key]):
    """The items of one group that are ready; each operation takes log n steps."""

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

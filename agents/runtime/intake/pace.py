"""Measures how much work this consumer does while it is busy, and notes it for the scaling of its queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database
from agents.runtime.journal.scale import note_pace
from agents.runtime.scheduling.scaling import Pace

NOTE_SECONDS = 5.0  # busy time between two notes
LEAST_SECONDS = 0.5  # a shorter measurement says little


@dataclass(slots=True)
class _Done:
    items: int = 0
    forecasts: int = 0
    work: float = 0.0


@dataclass(slots=True)
class PaceMeter:
    """The busy time of a consumer, and what it did in it, by major version.

    Time counts while at least one batch is in progress. The consumer could do no more as long as every
    claim brought as many items as it asked for.
    """

    database: Database
    scenario: str
    _done: dict[int, _Done] = field(default_factory=dict)
    _in_progress: int = 0
    _since: float = 0.0
    _seconds: float = 0.0
    _full: bool = True

    def begin(self, claimed: int, asked: int) -> None:
        """A claim has asked for items; with at least one of them a batch begins."""
        if claimed and not self._in_progress:
            self._since = clock().monotonic()
        self._in_progress += claimed > 0
        self._full &= claimed >= asked or not self._in_progress

    async def end(self, rows: Sequence[Any]) -> None:
        """The batch of these items' rows is done."""
        for row in rows:
            done = self._done.setdefault(row.major, _Done())
            done.items += 1
            if row.expected is not None:
                done.forecasts += 1
                done.work += row.expected
        self._in_progress -= 1
        self._count_time()
        if self._seconds >= NOTE_SECONDS:
            await self.note()

    async def note(self) -> None:
        """Write what was measured since the last note, if it is enough to say something."""
        if self._seconds < LEAST_SECONDS or not self._done:
            return
        measured, seconds, full = self._done, self._seconds, self._full
        self._done, self._seconds, self._full = {}, 0.0, True
        items = sum(done.items for done in measured.values())
        for major, done in measured.items():
            share = seconds * done.items / items
            pace = Pace(share, done.items, done.forecasts, done.work)
            await note_pace(self.database, self.scenario, major, pace, busy=full)

    def _count_time(self) -> None:
        at = clock().monotonic()
        self._seconds += at - self._since
        self._since = at

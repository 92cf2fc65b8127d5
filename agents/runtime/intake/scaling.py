"""How many consumers a backlog asks for: by the time it takes to drain, not by its length.

Up at once, by at most as many as there are; down by one after several looks that agree. So a burst
is met, and a lull is no reason to let everybody go.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.runtime.journal.backlog import Backlog

SLACK = 3.0  # drained in a third of the target's time: one consumer less would do
LOOKS = 6


@dataclass(frozen=True, slots=True)
class Bounds:
    """At least and at most so many consumers, and the seconds in which a backlog should drain."""

    least: int = 1
    most: int = 2
    target: float = 60.0


def drain_seconds(found: Sequence[Backlog]) -> float:
    """Seconds until all that is due has been served; infinite while nothing is served at all."""
    waiting = sum(entry.waiting - entry.delayed for entry in found)
    served = sum(entry.served for entry in found)
    if not waiting:
        return 0.0
    return waiting / served if served else math.inf


@dataclass(slots=True)
class Scaler:
    """Decides at each look how many consumers there should be."""

    bounds: Bounds = field(default_factory=Bounds)
    _slack_looks: int = 0

    def wanted(self, running: int, found: Sequence[Backlog]) -> int:
        """How many there should be, of whom so many run, for this backlog."""
        least, most = self.bounds.least, self.bounds.most
        return min(most, max(least, self._wanted(running, found)))

    def _wanted(self, running: int, found: Sequence[Backlog]) -> int:
        drain = drain_seconds(found)
        if drain > self.bounds.target:
            self._slack_looks = 0
            return self._more(max(running, 1), drain)
        if drain * SLACK > self.bounds.target:
            self._slack_looks = 0
            return running
        self._slack_looks += 1
        if self._slack_looks < LOOKS:
            return running
        self._slack_looks = 0
        return running - 1

    def _more(self, running: int, drain: float) -> int:
        """As many as would drain it in time at the pace of those that run; never more than twice."""
        return math.ceil(running * min(drain / self.bounds.target, 2.0))

"""The backlog of a queue: its metrics, table and alert, and how many consumers it needs.

The number of consumers follows from the time that the backlog takes to drain, not from its length. It
grows at once, at most twofold, and shrinks by one after several looks that agree. So a burst is met,
and a short lull stops no consumer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.runtime.alerts import Alert, send
from agents.runtime.journal.database import Database
from agents.runtime.journal.queue import Backlog, backlog
from agents.runtime.telemetry import ARRIVING, DRAIN, OLDEST, SERVED, WAITING

SLACK = 3.0  # a backlog that drains in a third of the target's time needs one consumer less
LOOKS = 6


async def read_backlog(
    database: Database, scenario: str, majors: Sequence[int] | None = None
) -> list[Backlog]:
    """The current backlog of a queue, or of some versions in it; it is also exported as metrics."""
    found = await backlog(database, scenario, majors=majors)
    for gauge in (WAITING, OLDEST, ARRIVING, SERVED):
        gauge.clear()  # tenants and priorities without items must not keep old values
    for entry in found:
        labels = (scenario, entry.tenant, entry.priority)
        WAITING.labels(*labels).set(entry.waiting)
        OLDEST.labels(*labels).set(entry.oldest)
        ARRIVING.labels(*labels).set(entry.arriving)
        SERVED.labels(*labels).set(entry.served)
    DRAIN.labels(scenario).set(drain_seconds(found))
    return found


async def alert_if_old(scenario: str, found: Sequence[Backlog], limit: float) -> bool:
    """Raise an alert if an item has waited for longer than `limit` seconds."""
    oldest = max((entry.oldest for entry in found if entry.waiting > entry.delayed), default=0.0)
    if oldest <= limit:
        return False
    drain = drain_seconds(found)
    pace = "nothing is served" if math.isinf(drain) else f"drained in {drain:,.0f} s at this pace"
    reason = f"the oldest item has waited for {oldest:,.0f} s; {pace}"
    await send([Alert("backlog", scenario, "queue", reason)])
    return True


def backlog_table(found: Sequence[Backlog]) -> list[dict[str, str]]:
    """The backlog as a table, one row for each tenant and priority."""
    return [
        {
            "tenant": entry.tenant,
            "priority": entry.priority,
            "waiting": f"{entry.waiting:,}",
            "due later": f"{entry.delayed:,}",
            "oldest": f"{entry.oldest:,.0f} s",
            "arriving": f"{entry.arriving:,.1f}/s",
            "served": f"{entry.served:,.1f}/s",
            "drained in": "?" if entry.drain is None else f"{entry.drain:,.0f} s",
        }
        for entry in found
    ]


def drain_seconds(found: Sequence[Backlog]) -> float:
    """Seconds until all items that are due have been served; infinite if none is served."""
    waiting = sum(entry.waiting - entry.delayed for entry in found)
    served = sum(entry.served for entry in found)
    if not waiting:
        return 0.0
    return waiting / served if served else math.inf


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `least` to `most` consumers, and the `target` seconds in which a backlog should drain."""

    least: int = 1
    most: int = 2
    target: float = 60.0


@dataclass(slots=True)
class Scaler:
    """Decides at each look how many consumers there should be."""

    bounds: Bounds = field(default_factory=Bounds)
    _slack_looks: int = 0

    def wanted(self, running: int, found: Sequence[Backlog]) -> int:
        """The number of consumers for this backlog, of which `running` exist now."""
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
        """As many as would drain it in time at the pace of those running; at most twice as many."""
        return math.ceil(running * min(drain / self.bounds.target, 2.0))

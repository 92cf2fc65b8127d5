"""The backlog of a queue: its table, and the alert if an item waits too long."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.runtime.alerts import Alert, send
from agents.runtime.journal.database import Database
from agents.runtime.journal.eta import QueueEta, queue_eta
from agents.runtime.journal.queue import Backlog, backlog
from agents.runtime.scheduling.eta import duration


@dataclass(frozen=True, slots=True)
class QueueReading:
    """A queue at one moment: its backlog by tenant and priority, and when it is drained."""

    entries: list[Backlog]
    eta: QueueEta

    def drained(self) -> str:
        """When the queue is drained, in words."""
        return self.eta.in_words()


async def read_backlog(
    database: Database, scenario: str, majors: Sequence[int] | None = None
) -> QueueReading:
    """The current backlog of a queue, or of some versions in it."""
    return QueueReading(
        await backlog(database, scenario, majors=majors),
        await queue_eta(database, scenario, majors),
    )


async def alert_if_old(scenario: str, found: QueueReading, limit: float) -> bool:
    """Raise an alert if an item has waited for longer than `limit` seconds."""
    due = (entry.oldest for entry in found.entries if entry.waiting > entry.delayed)
    oldest = max(due, default=0.0)
    if oldest <= limit:
        return False
    reason = f"the oldest item has waited for {duration(oldest)}; {found.drained()}"
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
            "oldest": duration(entry.oldest),
            "arriving": f"{entry.arriving:,.1f}/s",
            "served": f"{entry.served:,.1f}/s",
            "work": _work(entry),
        }
        for entry in found
    ]


def _work(entry: Backlog) -> str:
    """The work of the items by forecast; those without a forecast count as the others."""
    if not entry.waiting:
        return ""
    if not entry.forecasts:
        return "?"
    about = "" if entry.forecasts == entry.waiting else "about "
    return about + duration(entry.work * entry.waiting / entry.forecasts)

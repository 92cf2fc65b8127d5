"""Looking at a queue: its backlog as metrics, as a table in the UI, and as an alert when it is old."""

import math
from collections.abc import Sequence

from agents.runtime.intake.scaling import drain_seconds
from agents.runtime.journal.backlog import Backlog, backlog
from agents.runtime.journal.database import Database
from agents.runtime.prefect_ui import alert
from agents.runtime.telemetry import ARRIVING, DRAIN, OLDEST, SERVED, WAITING


async def look(database: Database, scenario: str) -> list[Backlog]:
    """The backlog of a queue now, exported as metrics."""
    found = await backlog(database, scenario)
    for gauge in (WAITING, OLDEST, ARRIVING, SERVED):
        gauge.clear()  # what no longer waits is no longer told
    for entry in found:
        labels = (scenario, entry.tenant, entry.priority)
        WAITING.labels(*labels).set(entry.waiting)
        OLDEST.labels(*labels).set(entry.oldest)
        ARRIVING.labels(*labels).set(entry.arriving)
        SERVED.labels(*labels).set(entry.served)
    DRAIN.labels(scenario).set(drain_seconds(found))
    return found


def alert_if_old(scenario: str, found: Sequence[Backlog], limit: float) -> bool:
    """Raise an alert if an item has waited for longer than `limit` seconds."""
    oldest = max((entry.oldest for entry in found if entry.waiting > entry.delayed), default=0.0)
    if oldest <= limit:
        return False
    drain = drain_seconds(found)
    told = "nothing is served" if math.isinf(drain) else f"drained in {drain:,.0f} s at this pace"
    alert("backlog", scenario, "queue", f"the oldest item waits for {oldest:,.0f} s; {told}")
    return True


def table(found: Sequence[Backlog]) -> list[dict[str, str]]:
    """The backlog for people to read."""
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

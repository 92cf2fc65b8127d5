"""The backlog of a queue by tenant and priority: items that wait, their age, and time to drain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.queue import PENDING
from agents.runtime.journal.schema import items

WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """The items of one tenant and priority that wait.

    `delayed` of them are due later; `oldest` is the age of the oldest in seconds. `arriving` and
    `served` are items a second over the last minute.
    """

    scenario: str
    tenant: str
    priority: str
    waiting: int
    delayed: int
    oldest: float
    arriving: float
    served: float

    @property
    def drain(self) -> float | None:
        """Seconds until all are served at the rate of the last minute; None if none was served."""
        if not self.waiting:
            return 0.0
        return self.waiting / self.served if self.served else None


async def backlog(database: Database, scenario: str, window: float = WINDOW) -> list[Backlog]:
    """The backlog of a queue: one entry for each tenant and priority with items in `window` seconds."""
    late = items.c.retry_at > now()
    waiting = _grouped(
        func.count().label("waiting"),
        func.count().filter(late).label("delayed"),
        (now() - func.min(items.c.accepted_at)).label("oldest"),
    ).where(items.c.scenario == scenario, items.c.state == PENDING)
    counted = _grouped(func.count().label("number")).where(items.c.scenario == scenario)
    async with database.read() as connection:
        rows = (await connection.execute(waiting)).all()
        arrived, served = [
            (await connection.execute(counted.where(moment > now() - window))).all()
            for moment in (items.c.accepted_at, items.c.ended_at)
        ]
    return _joined(scenario, window, rows, _counts(arrived), _counts(served))


def _grouped(*columns: Any) -> Select[Any]:
    group = (items.c.tenant, items.c.priority)
    return select(*group, *columns).group_by(*group)


def _counts(rows: Sequence[Row[Any]]) -> dict[tuple[str, str], int]:
    return {(row.tenant, row.priority): row.number for row in rows}


def _joined(
    scenario: str,
    window: float,
    rows: Sequence[Row[Any]],
    arrived: dict[tuple[str, str], int],
    served: dict[tuple[str, str], int],
) -> list[Backlog]:
    waits = {(row.tenant, row.priority): row for row in rows}
    found = []
    for group in sorted(waits.keys() | arrived.keys() | served.keys()):
        row = waits.get(group)
        waiting, delayed, oldest = (row.waiting, row.delayed, row.oldest) if row else (0, 0, 0.0)
        arriving, done = arrived.get(group, 0) / window, served.get(group, 0) / window
        tenant, priority = group
        found.append(Backlog(scenario, tenant, priority, waiting, delayed, oldest, arriving, done))
    return found

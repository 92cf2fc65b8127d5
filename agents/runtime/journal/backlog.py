"""How much waits in a queue, for how long, and when it will be done: by tenant and priority."""

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
    """The items of one tenant and priority that wait: how many, the oldest's age in seconds.

    `delayed` of them are due later. Rates are items a second over the last minute; `drain` is the
    seconds until all have been served at that rate, None if none was served.
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
        """Seconds until all that waits has been served at the rate of the last minute."""
        if not self.waiting:
            return 0.0
        return self.waiting / self.served if self.served else None


async def backlog(database: Database, scenario: str, window: float = WINDOW) -> list[Backlog]:
    """The backlog of a queue, one entry for each tenant and priority that waits or was served."""
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


def _grouped(*what: Any) -> Select[Any]:
    of = (items.c.tenant, items.c.priority)
    return select(*of, *what).group_by(*of)


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
    for of in sorted(waits.keys() | arrived.keys() | served.keys()):
        row = waits.get(of)
        waiting, delayed, oldest = (row.waiting, row.delayed, row.oldest) if row else (0, 0, 0.0)
        arriving, done = arrived.get(of, 0) / window, served.get(of, 0) / window
        tenant, priority = of
        found.append(Backlog(scenario, tenant, priority, waiting, delayed, oldest, arriving, done))
    return found

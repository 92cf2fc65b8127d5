"""When a queue is drained and an item is done: from forecasts on the rows and the pace of consumers.

Reads the front of the queue only: further back, an estimate is a lower bound and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database
from agents.runtime.journal.scale import QueueScale, scales, total_load
from agents.runtime.journal.scheduling_schema import paces
from agents.runtime.journal.schema import READY, items
from agents.runtime.scheduling.eta import NORMAL_P90, Interval, Work, drain
from agents.runtime.scheduling.scaling import Load

MOST_COUNTED = 50_000  # waiting items, by the view
MOST_SAMPLED = 2_000  # waiting items whose forecasts say how much the sum may be off


@dataclass(frozen=True, slots=True)
class QueueEta:
    """When the items that wait now have been served.

    `interval` is None while no consumer runs or the queue is paused. `work` is in seconds of one
    consumer, as is the `load` of all versions.
    """

    queue: str
    interval: Interval | None
    work: Work
    load: Load
    paused: bool
    versions: tuple[QueueScale, ...]

    @property
    def at_least(self) -> bool:
        """Whether more items wait than are counted."""
        return self.work.items >= MOST_COUNTED

    def in_words(self) -> str:
        """As a person reads it."""
        if self.paused:
            return "paused: nothing is drained"
        if not self.work.seconds:
            return "nothing waits"
        count = self.load.consumers
        if self.interval is None:
            return "no consumer runs: nothing is drained"
        least = "at least " * self.at_least
        return f"drained in {least}{self.interval} by {count} consumer{'s' * (count != 1)}"


async def queue_eta(
    database: Database, queue: str, versions: Sequence[int] | None = None
) -> QueueEta:
    """When a queue, or some versions in it, are drained."""
    found = await scales(database, queue, versions)
    load, work = total_load(found), Work()
    async with database.read() as connection:
        for one in found:
            if one.load.waiting:
                work += await _waiting(connection, one)
        measured = await measured_items(connection, queue)
    paused = any(one.paused for one in found)
    interval = None if paused else drain(work, load, measured)
    return QueueEta(queue, interval, work, load, paused, tuple(found))


async def measured_items(connection: AsyncConnection, queue: str) -> float:
    """How many items the pace of the queue was measured with."""
    total = select(func.sum(paces.c["items"])).where(paces.c.scenario == queue)
    return float(await connection.scalar(total) or 0.0)


async def _waiting(connection: AsyncConnection, one: QueueScale) -> Work:
    """The waiting work of a version in seconds of one consumer; its variance is that of a sample."""
    sample = ready(one.queue, one.version).limit(MOST_SAMPLED).subquery()
    row = (await connection.execute(summed(sample.c, one.mean))).one()
    share = one.load.waiting / row.seconds if row.seconds else 0.0
    pace = one.load.pace
    return Work(
        round(row.items * share), one.load.waiting / pace, (row.variance or 0.0) * share / pace**2
    )


def ready(queue: str, version: int) -> Select[Any]:
    """SQL: the ready items of a version, the first ones first."""
    columns = (items.c.id, items.c.rank, items.c.tenant, items.c.priority, items.c.precedence)
    return (
        select(*columns, items.c.expected, items.c.p50, items.c.p90)
        .where(items.c.scenario == queue, items.c.major == version, text(READY))
        .order_by(items.c.rank, items.c.id)
    )


def summed(columns: Any, mean: float) -> Select[Any]:
    """SQL: number, seconds of work and variance of items; one without a forecast is off by its mean."""
    seconds = func.coalesce(columns.expected, mean)
    off = func.coalesce((columns.p90 - columns.p50) / NORMAL_P90, seconds)
    return select(
        func.count().label("items"),
        func.coalesce(func.sum(seconds), 0.0).label("seconds"),
        func.coalesce(func.sum(off * off), 0.0).label("variance"),
    )

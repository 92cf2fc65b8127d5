"""What each version of a queue has to do, as the view `agent_flows_scale` says, and who may change it.

The view is what an autoscaler reads; here it is read for consumers on this machine and for people.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.scheduling_schema import paces, scale_bounds
from agents.runtime.journal.statements import insert_or_replace
from agents.runtime.scheduling.scaling import Load, Pace, ScaleBounds, remembered


@dataclass(frozen=True, slots=True)
class QueueScale:
    """One version of a queue: its load, its bounds, and the consumers that the view wants.

    `mean` are the seconds of work of an item without a forecast.
    """

    queue: str
    version: int
    wanted: int
    load: Load
    bounds: ScaleBounds
    mean: float
    paused: bool


async def scales(
    database: Database, queue: str, versions: Sequence[int] | None = None
) -> list[QueueScale]:
    """The versions of a queue that the journal knows, or some of them, by their number."""
    query = text("SELECT * FROM agent_flows_scale WHERE queue = :queue ORDER BY version")
    async with database.read() as connection:
        rows = (await connection.execute(query, {"queue": queue})).all()
    return [_scale(row) for row in rows if versions is None or row.version in versions]


def _scale(row: Row[Any]) -> QueueScale:
    limit = {} if row.limit_seconds is None else {"limit": row.limit_seconds}
    load = Load(
        row.waiting_seconds, row.lately_seconds, row.consumers, row.claimed, row.pace, **limit
    )
    bounds = ScaleBounds(row.least, row.most, row.target_seconds, row.cooldown_seconds)
    return QueueScale(
        *(row.queue, row.version, row.consumers_wanted, load, bounds, row.mean_seconds),
        bool(row.paused),
    )


async def note_pace(
    database: Database, scenario: str, major: int, measured: Pace, *, busy: bool
) -> None:
    """Add a consumer's measurement to the pace of the version; `busy` if it could do no more."""
    this = (paces.c.scenario == scenario) & (paces.c.major == major)
    async with database.write() as connection:
        row = (await connection.execute(select(paces).where(this).with_for_update())).first()
        known = None if row is None else Pace(row.seconds, row.items, row.forecasts, row.work)
        pace = remembered(known, measured, busy=busy)
        if pace != known:
            values = {"scenario": scenario, "major": major, **asdict(pace), "at": now()}
            await connection.execute(insert_or_replace(connection, paces).values(values))


class BadScaleBounds(AgentError):
    """A bound of scaling outside of its limits; nothing was changed."""

    def __init__(self, field: str, limit: str) -> None:
        super().__init__(field, limit)
        self.field, self.limit = field, limit

    def __str__(self) -> str:
        return f"{self.field} must be {self.limit}"


MOST_CONSUMERS = 1_000
LONGEST = 86_400.0  # seconds


async def set_bounds(
    journal: Journal, queue: str, bounds: ScaleBounds, by: str, reason: str
) -> None:
    """Set how many consumers the queue may have, until they are set again. Raises BadScaleBounds."""
    require_valid(bounds)
    async with journal.database.write() as connection:
        before, _ = await _known(connection, queue)
        await _write(connection, queue, bounds, by)
        values = {} if before is None else asdict(before), asdict(bounds)
        entry = AuditEntry(journal.tenant, by, "scale", f"queue {queue}", reason, *values)
        await audit.write(connection, entry)


async def declare_bounds(
    connection: AsyncConnection, declared: Mapping[str, ScaleBounds]
) -> list[str]:
    """Set the bounds that a deployment declares, remove those of an earlier one; returns the changes, in words.

    What an operator has set stays. Raises BadScaleBounds.
    """
    changed = list[str]()
    for queue, bounds in declared.items():
        require_valid(bounds)
        known, set_by = await _known(connection, queue)
        if known != bounds and set_by is None:
            await _write(connection, queue, bounds, None)
            changed.append(f"set scale of queue {queue}")
    gone = scale_bounds.c.set_by.is_(None) & scale_bounds.c.scenario.not_in(sorted(declared))
    removed = delete(scale_bounds).where(gone).returning(scale_bounds.c.scenario)
    queues = sorted((await connection.scalars(removed)).all())
    return [
        *changed,
        *(f"remove scale of queue {one}, which is no longer declared" for one in queues),
    ]


async def bounds_of(database: Database, queue: str) -> ScaleBounds:
    """The bounds of a queue; the view has the same defaults."""
    async with database.read() as connection:
        known, _ = await _known(connection, queue)
    return known or ScaleBounds()


async def _known(connection: AsyncConnection, queue: str) -> tuple[ScaleBounds | None, str | None]:
    query = select(scale_bounds).where(scale_bounds.c.scenario == queue)
    row = (await connection.execute(query.with_for_update())).first()
    if row is None:
        return None, None
    known = ScaleBounds(row.least, row.most, row.target_seconds, row.cooldown_seconds)
    return known, row.set_by


async def _write(
    connection: AsyncConnection, queue: str, bounds: ScaleBounds, by: str | None
) -> None:
    row = {
        "scenario": queue,
        "least": bounds.least,
        "most": bounds.most,
        "target_seconds": bounds.target,
        "cooldown_seconds": bounds.cooldown,
        "set_by": by,
    }
    await connection.execute(insert_or_replace(connection, scale_bounds).values(row))


def require_valid(bounds: ScaleBounds) -> None:
    """Raise BadScaleBounds for bounds out of range."""
    for field, value, least, most in (
        ("least", bounds.least, 0, MOST_CONSUMERS),
        ("most", bounds.most, bounds.least, MOST_CONSUMERS),
        ("the seconds to drain", bounds.target, 1, LONGEST),
        ("the cooldown", bounds.cooldown, 1, LONGEST),
    ):
        if not least <= value <= most:
            raise BadScaleBounds(field, f"{least:,} to {most:,.0f}")


def total_load(found: Iterable[QueueScale]) -> Load:
    """The load of consumers that have the code of all these versions, in seconds of one consumer."""
    loads = [one.load for one in found]
    consumers = max((load.consumers for load in loads), default=0)
    claimed = min(consumers, sum(load.claimed for load in loads))
    return Load(
        sum(load.waiting / load.pace for load in loads),
        sum(load.lately / load.pace for load in loads),
        consumers,
        claimed,
        limit=max((load.limit / load.pace for load in loads), default=0.0),
    )

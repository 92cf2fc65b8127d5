"""How long agents took on items of the past: the newest items that completed, read page by page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Row, Select, and_, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items, steps
from agents.runtime.journal.statements import values_of
from agents.runtime.model.lifecycle import State

PAGE = 500
MOST_WAITING = 10_000  # of one scenario and state that are counted


@dataclass(frozen=True, slots=True)
class Duration:
    """How many seconds an agent took on an item, and when it ended, in seconds since 1970.

    `used` is what it said that it had used of quotas.
    """

    agent: str
    version: str
    seconds: float
    at: float
    used: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completed:
    """A completed item: its row, and the durations of its agents in the order of their ends.

    Steps of releases that did not journal when a step began have no duration.
    """

    row: Row[Any]
    durations: tuple[Duration, ...]

    @property
    def seconds(self) -> float:
        """The work on it in total, in seconds."""
        return sum(one.seconds for one in self.durations)


async def completed(database: Database, scenario: str, most: int) -> AsyncIterator[Completed]:
    """Completed items of all tenants, the newest first, from the `most` that ended last.

    Items that are pruned, or that ended in another way, are left out. Each page is a range of the
    index of ended items, and the steps are looked up by their key.
    """
    before: Row[Any] | None = None
    while most > 0:
        async with database.read() as connection:
            ended = await _page(connection, scenario, before, min(most, PAGE))
            kept = [row for row in ended if row.state == State.COMPLETED and row.body]
            durations = await _durations(connection, [row.id for row in kept])
        for row in kept:
            yield Completed(row, tuple(durations.get(row.id, ())))
        if len(ended) < min(most, PAGE):
            return
        most, before = most - len(ended), ended[-1]


async def waiting_counts(database: Database, scenarios: Sequence[str]) -> dict[str, int]:
    """By scenario, how many items wait or are in work; of each state 10,000 are counted at most."""
    if not scenarios:
        return {}
    parts = [
        select(items.c.scenario)
        .where(items.c.scenario == scenario, items.c.state == state)
        .limit(MOST_WAITING)
        .subquery()
        for scenario in scenarios
        for state in (State.PENDING, State.PROCESSING)
    ]
    every = union_all(*(select(part) for part in parts)).subquery()
    query = select(every.c.scenario, func.count()).group_by(every.c.scenario)
    async with database.read() as connection:
        counts = {name: int(count) for name, count in await connection.execute(query)}
    return dict.fromkeys(scenarios, 0) | counts


_COLUMNS = (
    *(items.c.id, items.c.tenant, items.c.version, items.c.state, items.c.body),
    *(items.c.accepted_at, items.c.ended_at),
    *(items.c.p50, items.c.p90, items.c.expected, items.c.forecast_model),
    items.c.costs,
)


_STEP_COLUMNS = "item", "agent", "version", "at", "started_at", "used"


async def _page(
    connection: AsyncConnection, scenario: str, before: Row[Any] | None, size: int
) -> Sequence[Row[Any]]:
    query: Select[Any] = select(*_COLUMNS)
    query = query.where(items.c.scenario == scenario, items.c.ended_at.is_not(None))
    if before is not None:
        same = and_(items.c.ended_at == before.ended_at, items.c.id < before.id)
        query = query.where(
            items.c.ended_at <= before.ended_at, or_(items.c.ended_at < before.ended_at, same)
        )
    order = items.c.ended_at.desc(), items.c.id.desc()
    found: Sequence[Row[Any]] = (await connection.execute(query.order_by(*order).limit(size))).all()
    return found


async def _durations(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Duration]]:
    found = dict[int, list[Duration]]()
    if not ids:
        return found
    values = values_of(connection, ids)
    query = (
        select(*(steps.c[name] for name in _STEP_COLUMNS))
        .where(steps.c.item.in_(select(values.c.value)), steps.c.status == "done")
        .where(steps.c.started_at.is_not(None))
        .order_by(steps.c.at)
    )
    for row in await connection.execute(query):
        seconds, used = max(row.at - row.started_at, 0.0), row.used
        duration = Duration(
            row.agent, row.version, seconds, row.at, orjson.loads(used) if used else {}
        )
        found.setdefault(row.item, []).append(duration)
    return found

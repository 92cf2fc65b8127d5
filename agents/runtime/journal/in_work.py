"""What is in work now: the living processes, and the items that each of them holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Subquery, func, select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import items, owners

MOST_PROCESSES = 200
MOST_ITEMS = 50
MOST_HELD = 10_000  # items that are looked at


@dataclass(frozen=True, slots=True)
class Process:
    """A living process: `held` items of the tenant, by workflow; `beat` is its last sign of life in seconds."""

    id: str
    flow_run: str
    beat: float
    held: dict[str, int]


async def processes(journal: Journal) -> list[Process]:
    """The living processes, those that hold most first."""
    alive = (
        select(owners.c.id, owners.c.flow_run, (now() - owners.c.beat_at).label("beat"))
        .where(owners.c.beat_at + owners.c.lease > now())
        .limit(MOST_PROCESSES)
    )
    held = _held()
    counted = (
        select(held.c.owner, held.c.scenario, func.count().label("number"))
        .where(held.c.tenant == journal.tenant)
        .group_by(held.c.owner, held.c.scenario)
    )
    async with journal.database.read() as connection:
        by_owner = dict[str, dict[str, int]]()
        for row in await connection.execute(counted):
            by_owner.setdefault(row.owner, {})[row.scenario] = row.number
        found = [
            Process(row.id, row.flow_run or "", row.beat, by_owner.get(row.id, {}))
            for row in await connection.execute(alive)
        ]
    return sorted(found, key=lambda one: (-sum(one.held.values()), one.id))


async def items_in_work(journal: Journal) -> Sequence[Row[Any]]:
    """Up to MOST_ITEMS items that processes hold, those that were accepted first."""
    held = _held()
    query = (
        select(held)
        .where(held.c.tenant == journal.tenant)
        .order_by(held.c.accepted_at)
        .limit(MOST_ITEMS)
    )
    async with journal.database.read() as connection:
        return list(await connection.execute(query))


def _held() -> Subquery:
    """SQL: items that have an owner. The limit keeps the database from choosing another index."""
    columns = (items.c.owner, items.c.tenant, items.c.scenario, items.c.key, items.c.state)
    return (
        select(*columns, items.c.accepted_at)
        .where(items.c.owner.in_(select(owners.c.id)))
        .limit(MOST_HELD)
        .subquery("held")
    )

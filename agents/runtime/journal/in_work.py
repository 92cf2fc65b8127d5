"""What is in work now: the living processes, and the items that each of them holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import items, owners

MOST_PROCESSES = 200
MOST_ITEMS = 50


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
    held = (
        select(items.c.owner, items.c.scenario, func.count().label("number"))
        .where(items.c.owner.is_not(None), items.c.tenant == journal.tenant)
        .group_by(items.c.owner, items.c.scenario)
    )
    async with journal.database.read() as connection:
        by_owner = dict[str, dict[str, int]]()
        for row in await connection.execute(held):
            by_owner.setdefault(row.owner, {})[row.scenario] = row.number
        found = [
            Process(row.id, row.flow_run or "", row.beat, by_owner.get(row.id, {}))
            for row in await connection.execute(alive)
        ]
    return sorted(found, key=lambda one: (-sum(one.held.values()), one.id))


async def items_in_work(journal: Journal) -> Sequence[Row[Any]]:
    """Up to MOST_ITEMS items that processes hold, those that were accepted first."""
    query = (
        select(items.c.scenario, items.c.key, items.c.state, items.c.owner, items.c.accepted_at)
        .where(items.c.owner.is_not(None), items.c.tenant == journal.tenant)
        .order_by(items.c.accepted_at, items.c.id)
        .limit(MOST_ITEMS)
    )
    async with journal.database.read() as connection:
        return list(await connection.execute(query))

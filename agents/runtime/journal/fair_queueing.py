"""Ranks: the order of a queue, fixed when an item is accepted, so that an index serves it.

Start-time fair queueing: the items of each tenant and priority start one second apart in virtual
time. So a tenant that sends many items waits behind its own, and others do not wait behind them.
Virtual time follows the claims and is never slower than the clock. So the head start of a priority
is a bound: after that many seconds no later item overtakes.
Source: P. Goyal, H. Vin, H. Cheng, "Start-time fair queueing", SIGCOMM 1996.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Double, Row, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import now
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import queues, shares
from agents.runtime.journal.statements import greatest, is_sqlite, upsert

SPACING = 1.0


class Priority(StrEnum):
    """How urgent an item is."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


HEAD_START = {
    Priority.URGENT: 3600.0,
    Priority.HIGH: 600.0,
    Priority.NORMAL: 0.0,
    Priority.LOW: -3600.0,
}
_HEAD_STARTS = {priority.value: seconds for priority, seconds in HEAD_START.items()}


async def ranked(
    connection: AsyncConnection, scenario: str, tenant: str, wanted: Sequence[Priority]
) -> list[float]:
    """A rank for each new item of a tenant, in the order of `wanted`."""
    finish: dict[Priority, float] = {}
    for priority, count in sorted(Counter(wanted).items()):
        share = {"scenario": scenario, "tenant": tenant, "priority": priority}
        statement = _extend_share(by_sqlite=is_sqlite(connection))
        (row,) = await fetch(connection, statement, share | {"width": count * SPACING})
        finish[priority] = row.finish - count * SPACING
    ranks = []
    for priority in wanted:
        ranks.append(finish[priority] - HEAD_START[priority])
        finish[priority] += SPACING
    return ranks


async def return_share(
    connection: AsyncConnection, scenario: str, tenant: str, unused: Sequence[Priority]
) -> None:
    """Return to the tenant's share what `ranked` took for items that were known already."""
    for priority, count in sorted(Counter(unused).items()):
        await connection.execute(
            update(shares)
            .where(shares.c.scenario == scenario, shares.c.tenant == tenant)
            .where(shares.c.priority == priority)
            .values(finish=shares.c.finish - count * SPACING)
        )


async def advance(connection: AsyncConnection, scenario: str, claimed: Sequence[Row[Any]]) -> None:
    """Move virtual time to the latest start of the claimed items; skipped if the row is locked."""
    start = max(row.rank + _HEAD_STARTS[row.priority] for row in claimed)
    advanced = {"queue": scenario, "start": start}
    await fetch(connection, _advance(by_sqlite=is_sqlite(connection)), advanced)


def _virtual(*, by_sqlite: bool) -> Any:
    """SQL: the virtual time now. It stands still while a clock that was set back catches up."""
    return queues.c.virtual + greatest(now() - queues.c.at, 0.0, by_sqlite=by_sqlite)


@cache
def _extend_share(*, by_sqlite: bool) -> Any:
    width: Any = bindparam("width", type_=Double)
    running = select(_virtual(by_sqlite=by_sqlite))
    running = running.where(queues.c.scenario == bindparam("scenario"))
    virtual = func.coalesce(running.scalar_subquery(), now())
    statement = upsert(shares, by_sqlite=by_sqlite).values(
        scenario=bindparam("scenario"),
        tenant=bindparam("tenant"),
        priority=bindparam("priority"),
        finish=virtual + width,
    )
    later = greatest(shares.c.finish, virtual, by_sqlite=by_sqlite)
    return statement.on_conflict_do_update(
        index_elements=list(shares.primary_key), set_={"finish": later + width}
    ).returning(shares.c.finish)


@cache
def _advance(*, by_sqlite: bool) -> Any:
    running = _virtual(by_sqlite=by_sqlite)
    start: Any = bindparam("start", type_=Double)
    free = select(queues.c.scenario).where(queues.c.scenario == bindparam("queue"))
    return (
        update(queues)
        .where(queues.c.scenario.in_(free.with_for_update(skip_locked=True)))
        .values(virtual=greatest(running, start, by_sqlite=by_sqlite), at=now())
    )

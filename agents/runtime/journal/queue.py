"""The queue of a scenario: its waiting items in the order of their rank, claimed many at a time.

There is no second copy of it: a claim sets owner and fence of the items themselves.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Double, Row, bindparam, exists, func, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.journal.claims import CLAIMABLE, MOST_TOGETHER, deadline_here
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.fair_queueing import advance
from agents.runtime.journal.rate_limits import admit
from agents.runtime.journal.schema import (
    READY,
    SUSPECTED,
    dead_letters,
    item_columns,
    items,
    queues,
    rates,
)
from agents.runtime.journal.statements import insert_new, record, values_of
from agents.runtime.journal.workers import is_alive
from agents.runtime.model.lifecycle import Event, State

PENDING: Any = literal_column("'pending'")  # a literal: SQLite must know it to take the index


@dataclass(frozen=True, slots=True)
class Look:
    """What a claim must know of its queue beforehand."""

    known: bool
    paused: bool
    rated: bool
    due: bool


async def claim_first(
    database: Database, owner: str, scenario: str, most: int = MOST_TOGETHER
) -> list[Row[Any]]:
    """Take the first `most` items of the queue, unless it is paused or beyond its rates.

    Whatever the length of the queue this reads from the front of one index. Items that were with
    an owner that died are not among them (`left_over`): they travel in smaller company.
    """
    async with database.write() as connection:
        look = await _look(connection, scenario)
        if look.paused:
            return []
        if not look.known:
            new = insert_new(connection, queues, scenario=scenario, virtual=now(), at=now())
            await connection.execute(new)
        if look.due:
            await connection.execute(_bring_back(), {"queue": scenario, "most": most})
        rows = await _claim(connection, owner, scenario, most, rated=look.rated)
        if rows:
            await record(connection, rows, Event.CLAIM, State.PENDING, owner, {})
            await advance(connection, scenario, rows)
    return sorted(rows, key=lambda row: (row.rank, row.id))


class QueueFull(AgentError):
    """The queue holds as many items as it may; what was accepted before stays accepted."""

    def __init__(self, scenario: str, limit: int) -> None:
        super().__init__(scenario, limit)
        self.scenario, self.limit = scenario, limit

    def __str__(self) -> str:
        return (
            f"the queue of {self.scenario} holds {self.limit:,} items, its limit: "
            "send the rest later, what was accepted is kept and will be recognised"
        )


async def require_room(database: Database, scenario: str, limit: int) -> None:
    """Raise QueueFull if `limit` items wait, or more."""
    waiting = select(items.c.id).where(items.c.scenario == scenario, text(READY)).limit(limit)
    async with database.read() as connection:
        count = await connection.scalar(select(func.count()).select_from(waiting.subquery()))
    if count is not None and count >= limit:
        raise QueueFull(scenario, limit)


async def left_over(database: Database, scenario: str, most: int = MOST_TOGETHER) -> list[int]:
    """Items that are due and that no queue hands out: of dead owners, suspected, to be undone."""
    due = (items.c.retry_at.is_(None) | (items.c.retry_at <= now())) & items.c.waiting_since.is_(
        None
    )
    buried = exists().where(dead_letters.c.item == items.c.id, dead_letters.c.status == "open")
    of_the_dead = items.c.owner.is_not(None) & ~is_alive(items.c.owner)
    held = (items.c.scenario == scenario) & items.c.state.in_(CLAIMABLE) & of_the_dead
    undone = (items.c.scenario == scenario) & (items.c.state == State.COMPENSATING)
    suspected = (items.c.scenario == scenario) & text(SUSPECTED)
    found: list[int] = []
    async with database.read() as connection:
        for some in (held, undone & items.c.owner.is_(None) & ~buried, suspected):
            query = select(items.c.id).where(some, due).order_by(items.c.crash_count, items.c.id)
            found += await connection.scalars(query.limit(most))
    return found


async def _claim(
    connection: AsyncConnection, owner: str, scenario: str, most: int, *, rated: bool
) -> list[Row[Any]]:
    holder = {"holder": owner, "monotonic": clock().monotonic()}
    if not rated:
        first = {"queue": scenario, "most": most, **holder}
        return list((await connection.execute(_take_first(), first)).all())
    candidates = await connection.execute(_first(), {"queue": scenario, "most": most})
    ids = await admit(connection, scenario, candidates.all())
    if not ids:
        return []
    values = values_of(connection, ids)
    mine = items.c.id.in_(select(values.c.value))
    return list((await connection.execute(_taking().where(mine), holder)).all())


async def _look(connection: AsyncConnection, scenario: str) -> Look:
    row = (await connection.execute(_looking(), {"queue": scenario})).one()
    return Look(row.known, row.paused, row.rated, row.due)


@cache
def _looking() -> Any:
    queue = queues.c.scenario == bindparam("queue")
    due = exists().where(_of_queue(), items.c.state == PENDING, items.c.retry_at <= _at_once())
    return select(
        exists().where(queue).label("known"),
        exists().where(queue, queues.c.paused.is_not(None)).label("paused"),
        exists().where(rates.c.scenario == bindparam("queue")).label("rated"),
        due.label("due"),
    )


def _at_once() -> Any:
    """SQL: the clock, read once: PostgreSQL would read it for every item that waits, along no index."""
    return select(now()).scalar_subquery()


def _of_queue() -> Any:
    return items.c.scenario == bindparam("queue")


@cache
def _first() -> Any:
    """The first items of the queue; those that somebody else is claiming now are passed over."""
    return (
        select(items.c.id, items.c.tenant)
        .where(_of_queue(), text(READY))
        .order_by(items.c.rank, items.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )


@cache
def _taking() -> Any:
    return (
        update(items)
        .values(
            state=State.PROCESSING,
            owner=bindparam("holder"),
            fence=items.c.fence + 1,
            sequence=items.c.sequence + 1,
        )
        .returning(*item_columns, deadline_here(bindparam("monotonic", type_=Double)))
    )


@cache
def _take_first() -> Any:
    # PostgreSQL evaluates a locking CTE once; a sub-select it might run again and take too many.
    first = _first().cte("first")
    return _taking().where(items.c.id.in_(select(first.c.id)))


@cache
def _bring_back() -> Any:
    """Items whose time has come take their old place in the queue."""
    due = (
        select(items.c.id)
        .where(_of_queue(), items.c.state == PENDING, items.c.retry_at <= _at_once())
        .order_by(items.c.retry_at)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return update(items).where(items.c.id.in_(select(due.c.id))).values(retry_at=None)

"""Claims: which items a process may take, how many together, and which it must not take any more.

All that one process holds when it dies is suspected of having killed it. So the more often an item
was there, the fewer travel with it; one that kills twice while it is alone is a dead letter.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Label, Row, case, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import dead_letters, effects, item_columns, items, steps
from agents.runtime.journal.statements import insert_many, insert_or_replace, record, values_of
from agents.runtime.journal.workers import is_alive, unheld
from agents.runtime.model.lifecycle import Event, State

CLAIMABLE = (State.PENDING, State.PROCESSING, State.COMPENSATING)
MOST_TOGETHER = 512
TOGETHER = {
    0: MOST_TOGETHER,
    1: 32,
    2: 4,
}  # deaths -> items that may travel together; alone from 3 on
MOST_CRASHES = 5


async def claim(
    connection: AsyncConnection,
    owner: str,
    ids: Sequence[int],
    most: int = MOST_TOGETHER,
    *,
    unsuspected: bool = False,
) -> list[Row[Any]]:
    """Take those of the items, `most` at most, that are due and that nobody alive holds.

    Items that died with an owner more often come later and in smaller numbers, and not at all if
    only the `unsuspected` are wanted. Taking from a dead owner raises the item's `deaths`, and
    buries it as a dead letter when it has killed too often; the fence grows with every claim.
    """
    ids = await _lock(connection, await _first_due(connection, ids, most, unsuspected=unsuspected))
    if not ids:
        return []
    free = await _take(connection, owner, ids, items.c.owner.is_(None), crash_count=0)
    dead = await _take(connection, owner, ids, _left_by_the_dead(owner), crash_count=1)
    await _record_claims(connection, free, Event.CLAIM, owner)
    await _record_claims(connection, dead, Event.TAKE_OVER, owner)
    poison = [row for row in dead if row.crash_count >= MOST_CRASHES]
    await _add_dead_letter(connection, owner, poison)
    return [row for row in free + dead if row not in poison]


async def unfinished(
    database: Database, tenant: str, scenario: str, most: int = 10_000
) -> list[int]:
    """Items of the scenario that are due and that nobody alive holds, the most innocent first."""
    async with database.read() as connection:
        result = await connection.scalars(
            select(items.c.id)
            .where(items.c.tenant == tenant, items.c.scenario == scenario, _is_free(), unheld())
            .order_by(items.c.crash_count, items.c.id)
            .limit(most)
        )
        return list(result)


async def next_due(database: Database, ids: Sequence[int]) -> float | None:
    """Seconds until the first of these unheld items is due; None when none of them is left."""
    async with database.read() as connection:
        values = values_of(connection, ids)
        due: float | None = await connection.scalar(
            select(items.c.retry_at - now())
            .where(items.c.id.in_(select(values.c.value)), items.c.state.in_(CLAIMABLE), unheld())
            .where(items.c.retry_at.is_not(None))
            .order_by(items.c.retry_at)
            .limit(1)
        )
    return due


async def _first_due(
    connection: AsyncConnection, ids: Sequence[int], most: int, *, unsuspected: bool
) -> list[int]:
    if not ids:
        return []
    values = values_of(connection, ids)
    suspicion = items.c.crash_count + case((items.c.owner.is_(None), 0), else_=1)
    result = await connection.execute(
        select(items.c.id, suspicion.label("crash_count"))
        .where(items.c.id.in_(select(values.c.value)), _is_free(), unheld())
        .order_by(suspicion, items.c.retry_at, items.c.id)
        .limit(most)
    )
    rows = result.all()
    if not rows or (unsuspected and rows[0].crash_count > 0):
        return []
    together = min(most, TOGETHER.get(rows[0].crash_count, 1))
    alike = takewhile(lambda row: row.crash_count == rows[0].crash_count, rows)
    return [row.id for row in alike][:together]


async def _lock(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """Those of the items that nobody else is changing now, locked: claims never wait for others."""
    if not ids:
        return []
    values = values_of(connection, ids)
    result = await connection.scalars(
        select(items.c.id)
        .where(items.c.id.in_(select(values.c.value)))
        .order_by(items.c.id)
        .with_for_update(skip_locked=True)
    )
    return list(result)


def _left_by_the_dead(owner: str) -> ColumnElement[bool]:
    return items.c.owner.is_not(None) & (items.c.owner != owner) & ~is_alive(items.c.owner)


def _is_free() -> ColumnElement[bool]:
    """SQL: the item may be worked on now, if nobody holds it."""
    buried = select(dead_letters.c.item).where(
        dead_letters.c.item == items.c.id, dead_letters.c.status == "open"
    )
    due = or_(items.c.retry_at.is_(None), items.c.retry_at <= now())
    # What is compensated can wait for a person too, as it may refund much.
    unasked = items.c.waiting_since.is_(None)
    return items.c.state.in_(CLAIMABLE) & unasked & due & ~buried.exists()


async def _take(
    connection: AsyncConnection,
    owner: str,
    ids: Sequence[int],
    condition: ColumnElement[bool],
    crash_count: int,
) -> list[Row[Any]]:
    values = values_of(connection, ids)
    result = await connection.execute(
        update(items)
        .where(items.c.id.in_(select(values.c.value)), _is_free(), condition)
        .values(
            state=_working(),
            owner=owner,
            fence=items.c.fence + 1,
            crash_count=items.c.crash_count + crash_count,
            sequence=items.c.sequence + 1,
            retry_at=None,
        )
        .returning(*item_columns, deadline_here())
    )
    return list(result.all())


def deadline_here(monotonic: Any = None) -> Label[float | None]:
    """SQL: the item's deadline by this process's time.monotonic(), as the column `deadline_here`.

    A statement that is kept gives a parameter for it, another one is built at this moment. It may
    be as much too early as the statement waits from now on, and is never too late.
    """
    here = clock().monotonic() if monotonic is None else monotonic
    return (items.c.deadline - now() + here).label("deadline_here")


def _working() -> ColumnElement[str]:
    """SQL: pending items become processing, the others go on as they were."""
    return case(
        (items.c.state == State.PENDING, literal(State.PROCESSING.value)), else_=items.c.state
    )


async def _record_claims(
    connection: AsyncConnection, rows: list[Row[Any]], event: Event, owner: str
) -> None:
    for state in (State.PROCESSING, State.COMPENSATING):
        source = State.PENDING if (state, event) == (State.PROCESSING, Event.CLAIM) else state
        moved = [row for row in rows if row.state == state]
        await record(connection, moved, event, source, owner, {})


async def _add_dead_letter(
    connection: AsyncConnection, owner: str, poison: Sequence[Row[Any]]
) -> None:
    """Make dead letters of items whose owners keep dying; whatever they did stays journalled."""
    for row in poison:
        source = State(row.state)
        compensating = source is State.COMPENSATING
        target = State.COMPENSATING if compensating else State.DEAD_LETTERED
        moved = await connection.execute(
            update(items)
            .where(items.c.id == row.id)
            .values(
                state=target,
                owner=None,
                sequence=items.c.sequence + 1,
                ended_at=None if compensating else now(),
            )
            .returning(items.c.id, items.c.sequence, items.c.fence)
        )
        text = f"{row.crash_count} processes died while they worked on it, the last two on it alone"
        details = {row.id: text}
        await record(connection, moved.all(), Event.DEAD_LETTER, source, owner, details)
        await insert_many(connection, _letter(connection), [await _killed(connection, row, text)])


def _letter(connection: AsyncConnection) -> Any:
    counted = {"count": dead_letters.c.count + 1, "original": dead_letters.c.original}
    statement = insert_or_replace(connection, dead_letters, **counted)
    return statement.values(at=now(), status="open", count=1)


async def _killed(connection: AsyncConnection, row: Row[Any], text: str) -> dict[str, Any]:
    """The dead letter of a killer; its agent is the one that was last heard of."""
    trying = select(effects.c.agent).where(effects.c.item == row.id, effects.c.status == "intended")
    last = select(steps.c.agent).where(steps.c.item == row.id).order_by(steps.c.at.desc())
    agent = await connection.scalar(trying.order_by(effects.c.intended_at.desc()).limit(1))
    agent = agent or await connection.scalar(last.limit(1)) or "?"
    return {
        "item": row.id,
        "agent": agent,
        "version": row.version,
        "attempts": row.crash_count,
        "error_type": "PoisonItem",
        "error": text,
    }

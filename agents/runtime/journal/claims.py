"""Claims: which items a process may take, how many together, and which become dead letters.

Every item that a process held when it crashed may have caused the crash. The more crashes an item
has seen, the fewer items are claimed together with it. After five crashes, the last two of them while
it was alone, it becomes a dead letter.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Label, Row, case, func, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.resources import give_back_of_taken_over
from agents.runtime.journal.schema import dead_letters, effects, item_columns, items, steps
from agents.runtime.journal.statements import insert_dead_letters, record, values_of
from agents.runtime.journal.waits import is_due
from agents.runtime.journal.workers import is_alive, looks_old, unheld
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.model.scenario import Scenario

CLAIMABLE = (State.PENDING, State.PROCESSING, State.COMPENSATING)
MOST_TOGETHER = 512
# Crashes that an item has seen -> items that may be claimed together; from three on only one.
TOGETHER = {0: MOST_TOGETHER, 1: 32, 2: 4}
MOST_CRASHES = 5


async def claim(  # noqa: PLR0913 - what may be claimed, in one place
    connection: AsyncConnection,
    owner: str,
    ids: Sequence[int],
    most: int = MOST_TOGETHER,
    *,
    unsuspected: bool = False,
    majors: Sequence[int] | None = None,
) -> list[Row[Any]]:
    """Claim up to `most` of the items: those that are due and that no living process holds.

    With `majors`, only items of these major versions. Items with more crashes come later and in
    smaller numbers, or not at all if `unsuspected`. Taking an item from a crashed owner raises its
    `crash_count`; with too many crashes it becomes a dead letter instead. Every claim raises the fence.
    """
    due = await _first_due(connection, ids, most, majors, unsuspected=unsuspected)
    ids = await _lock(connection, due)
    if not ids:
        return []
    free = await _take(connection, owner, ids, items.c.owner.is_(None), crashes=0)
    taken_over = await _take(connection, owner, ids, _of_crashed_owner(owner), crashes=1)
    await _record_claims(connection, free, Event.CLAIM, owner)
    await _record_claims(connection, taken_over, Event.TAKE_OVER, owner)
    if taken_over:
        await give_back_of_taken_over(connection, [row.id for row in taken_over])
    poison = [row for row in taken_over if row.crash_count >= MOST_CRASHES]
    await _add_dead_letters(connection, owner, poison)
    return [row for row in free + taken_over if row not in poison]


async def unfinished(
    database: Database, tenant: str, scenario: Scenario, most: int = 10_000
) -> list[int]:
    """Ids of items that are due and that no living process holds, those with fewest crashes first.

    Items of major versions that this code does not have are left to a process that has them.
    """
    theirs = (items.c.tenant == tenant) & (items.c.scenario == scenario.name)
    async with database.read() as connection:
        result = await connection.scalars(
            select(items.c.id)
            .where(theirs, items.c.major.in_(scenario.majors), _is_free(), unheld())
            .order_by(items.c.crash_count, items.c.id)
            .limit(most)
        )
        return list(result)


async def left_over(database: Database, tenant: str) -> dict[str, int]:
    """How many unfinished items no living process holds, by scenario; without those that wait for a person."""
    async with database.read() as connection:
        result = await connection.execute(
            select(items.c.scenario, func.count().label("items"))
            .where(items.c.tenant == tenant, items.c.state.in_(CLAIMABLE), unheld())
            .group_by(items.c.scenario)
            .order_by(items.c.scenario)
        )
        return {row.scenario: row.items for row in result}


async def next_due(database: Database, ids: Sequence[int]) -> float | None:
    """Seconds until the first of these items is due; None if none of them waits without an owner."""
    async with database.read() as connection:
        values = values_of(connection, ids)
        due: float | None = await connection.scalar(
            select(case((is_due(), 0.0), else_=items.c.retry_at - now()).label("due"))
            .where(items.c.id.in_(select(values.c.value)), items.c.state.in_(CLAIMABLE), unheld())
            .where(items.c.retry_at.is_not(None))
            .order_by("due")
            .limit(1)
        )
    return due


async def _first_due(
    connection: AsyncConnection,
    ids: Sequence[int],
    most: int,
    majors: Sequence[int] | None,
    *,
    unsuspected: bool,
) -> list[int]:
    if not ids:
        return []
    readable = true() if majors is None else items.c.major.in_(majors)
    values = values_of(connection, ids)
    crashes = items.c.crash_count + case((items.c.owner.is_(None), 0), else_=1)
    result = await connection.execute(
        select(items.c.id, crashes.label("crash_count"))
        .where(items.c.id.in_(select(values.c.value)), readable, _is_free(), unheld())
        .order_by(crashes, items.c.retry_at, items.c.id)
        .limit(most)
    )
    rows = result.all()
    if not rows or (unsuspected and rows[0].crash_count > 0):
        return []
    together = min(most, TOGETHER.get(rows[0].crash_count, 1))
    group = takewhile(lambda row: row.crash_count == rows[0].crash_count, rows)
    return [row.id for row in group][:together]


async def _lock(connection: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """Lock those of the items that no other transaction holds; claims never wait for each other."""
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


def _of_crashed_owner(owner: str) -> ColumnElement[bool]:
    held = items.c.owner.is_not(None) & (items.c.owner != owner) & ~is_alive(items.c.owner)
    return held & ~looks_old(owner)


def _is_free() -> ColumnElement[bool]:
    """SQL: the item may be claimed now if no process holds it."""
    dead_lettered = select(dead_letters.c.item).where(
        dead_letters.c.item == items.c.id, dead_letters.c.status == "open"
    )
    # A compensating item may wait for an operator too, for example before a large refund.
    not_waiting = items.c.waiting_since.is_(None)
    return items.c.state.in_(CLAIMABLE) & not_waiting & is_due() & ~dead_lettered.exists()


async def _take(
    connection: AsyncConnection,
    owner: str,
    ids: Sequence[int],
    condition: ColumnElement[bool],
    crashes: int,
) -> list[Row[Any]]:
    values = values_of(connection, ids)
    result = await connection.execute(
        update(items)
        .where(items.c.id.in_(select(values.c.value)), _is_free(), condition)
        .values(
            state=_claimed_state(),
            owner=owner,
            fence=items.c.fence + 1,
            crash_count=items.c.crash_count + crashes,
            sequence=items.c.sequence + 1,
            retry_at=None,
        )
        .returning(*item_columns, deadline_here())
    )
    return list(result.all())


def deadline_here(monotonic: Any = None) -> Label[float | None]:
    """SQL: the item's deadline on the monotonic clock of this process, as column `deadline_here`.

    A cached statement passes a parameter for the clock's time. The result is too early by the time
    that the statement takes, and never too late.
    """
    at = clock().monotonic() if monotonic is None else monotonic
    return (items.c.deadline - now() + at).label("deadline_here")


def _claimed_state() -> ColumnElement[str]:
    """SQL: the state after a claim; pending items become processing, others keep their state."""
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


async def _add_dead_letters(
    connection: AsyncConnection, owner: str, poison: Sequence[Row[Any]]
) -> None:
    """Make dead letters of items whose owners keep crashing; their steps and effects stay journalled."""
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
        text = f"{row.crash_count} processes crashed while they held it, the last two it alone"
        details = {row.id: text}
        await record(connection, moved.all(), Event.DEAD_LETTER, source, owner, details)
        await insert_dead_letters(connection, [await _dead_letter_of(connection, row, text)])


async def _dead_letter_of(connection: AsyncConnection, row: Row[Any], text: str) -> dict[str, Any]:
    """The dead letter of a poison item. Its agent is that of the latest intent, else of the last step."""
    intended = select(effects.c.agent).where(
        effects.c.item == row.id, effects.c.status == "intended"
    )
    last = select(steps.c.agent).where(steps.c.item == row.id).order_by(steps.c.at.desc())
    agent = await connection.scalar(intended.order_by(effects.c.intended_at.desc()).limit(1))
    agent = agent or await connection.scalar(last.limit(1)) or "?"
    return {
        "item": row.id,
        "agent": agent,
        "version": row.version,
        "attempts": row.crash_count,
        "error_type": "PoisonItem",
        "error": text,
    }

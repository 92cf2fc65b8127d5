"""Taking work in: accept what is new, recognise what is known, claim what nobody holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, case, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.owners import is_alive, unheld
from agents.runtime.journal.rows import insert_many, insert_new, record, values_of
from agents.runtime.journal.schema import dead_letters, effects, items, stages
from agents.runtime.lifecycle import ENDED, Event, State


@dataclass(frozen=True, slots=True)
class NewItem:
    """A work item that asks to be accepted; `body` is its canonical JSON."""

    key: str
    body: str
    body_hash: str
    trace: str


class Disposition(StrEnum):
    """What acceptance found."""

    CLAIMED = "claimed"
    ENDED = "ended"
    WAITING = "waiting"
    BUSY = "busy"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer for one key; `row` is the item as stored, with the fence of this claim."""

    disposition: Disposition
    row: Row[Any]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed item with everything the journal knows of it."""

    row: Row[Any]
    stages: list[Row[Any]]
    effects: list[Row[Any]]


async def accept(  # noqa: PLR0913 - who takes what, for whom
    database: Database,
    owner: str,
    tenant: str,
    scenario: str,
    version: str,
    new: Sequence[NewItem],
) -> list[Accepted]:
    """Accept and claim in one transaction; idempotent by (tenant, scenario, key).

    The same key with the same body is the same item; with another body a CONFLICT, and the stored
    item stays as it is. Answers come in the order of `new`.
    """
    if not new:
        return []
    wanted = {item.key: item for item in new}
    async with database.write() as connection:
        await _insert(connection, tenant, scenario, version, wanted)
        rows = {row.key: row for row in await _select(connection, tenant, scenario, list(wanted))}
        fresh = {row.id for row in rows.values() if row.trace == wanted[row.key].trace}
        accepted = [row for row in rows.values() if row.id in fresh]
        await record(connection, accepted, Event.ACCEPT, None, None, {})
        same = [row.id for row in rows.values() if row.body_hash == wanted[row.key].body_hash]
        claimed = {row.id: row for row in await claim(connection, owner, same)}
    return [_answer(rows[item.key], item, claimed, fresh) for item in new]


async def claim(
    connection: AsyncConnection, owner: str, ids: Sequence[int], most: int | None = None
) -> list[Row[Any]]:
    """Take those of the items, `most` at most, that are due and that nobody alive holds.

    Taking from a dead owner raises the item's `deaths`; the fence grows with every claim.
    """
    if most is not None:
        ids = await _first_due(connection, ids, most)
    ids = await _lock(connection, ids)
    if not ids:
        return []
    held = items.c.owner.is_not(None)
    free = await _take(connection, owner, ids, ~held, deaths=0)
    lost = held & (items.c.owner != owner) & ~is_alive(items.c.owner)
    dead = await _take(connection, owner, ids, lost, deaths=1)
    await _record_claims(connection, free, Event.CLAIM, owner)
    await _record_claims(connection, dead, Event.TAKE_OVER, owner)
    return free + dead


async def load(database: Database, rows: Sequence[Row[Any]]) -> list[Claimed]:
    """The claimed rows with their stages and effects."""
    ids = [row.id for row in rows]
    async with database.read() as connection:
        done = await _about(connection, stages, ids)
        made = await _about(connection, effects, ids)
    return [Claimed(row, done.get(row.id, []), made.get(row.id, [])) for row in rows]


async def next_due(database: Database, ids: Sequence[int]) -> float | None:
    """Seconds until the first of these unheld items is due; None when none of them is left."""
    async with database.read() as connection:
        values = values_of(connection, ids)
        due: float | None = await connection.scalar(
            select(items.c.retry_at - now())
            .where(items.c.id.in_(select(values.c.value)), items.c.state.in_(_CLAIMABLE), unheld())
            .where(items.c.retry_at.is_not(None))
            .order_by(items.c.retry_at)
            .limit(1)
        )
    return due


async def outlook(database: Database, ids: Sequence[int]) -> Sequence[Any]:
    """How these items stand now: id, state, outcome and when they ended."""
    if not ids:
        return []
    async with database.read() as connection:
        values = values_of(connection, ids)
        result = await connection.execute(
            select(items.c.id, items.c.state, items.c.outcome, items.c.ended_at).where(
                items.c.id.in_(select(values.c.value))
            )
        )
        return result.all()


_CLAIMABLE = (State.PENDING, State.PROCESSING, State.COMPENSATING)


async def _insert(
    connection: AsyncConnection,
    tenant: str,
    scenario: str,
    version: str,
    wanted: dict[str, NewItem],
) -> None:
    rows = [
        {
            "tenant": tenant,
            "scenario": scenario,
            "version": version,
            "key": item.key,
            "trace": item.trace,
            "body_hash": item.body_hash,
            "body": item.body,
        }
        for _, item in sorted(wanted.items())  # in one order, lest two wait for each other
    ]
    constant = {
        "state": literal(State.PENDING.value),
        "fence": literal(0),
        "deaths": literal(0),
        "sequence": literal(1),
        "cancel_requested": literal(value=False),
        "accepted_at": now(),
    }
    await insert_many(connection, insert_new(connection, items).values(**constant), rows)


async def _select(
    connection: AsyncConnection, tenant: str, scenario: str, keys: list[str]
) -> Sequence[Row[Any]]:
    values = values_of(connection, keys)
    return (
        await connection.execute(
            select(items, dead_letters.c.at.label("dead_at"))
            .outerjoin(dead_letters, dead_letters.c.item == items.c.id)
            .where(items.c.tenant == tenant, items.c.scenario == scenario)
            .where(items.c.key.in_(select(values.c.value)))
        )
    ).all()


async def _first_due(connection: AsyncConnection, ids: Sequence[int], most: int) -> list[int]:
    values = values_of(connection, ids)
    result = await connection.scalars(
        select(items.c.id)
        .where(items.c.id.in_(select(values.c.value)), _is_free(), unheld())
        .order_by(items.c.retry_at, items.c.id)
        .limit(most)
    )
    return list(result)


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


def _is_free() -> ColumnElement[bool]:
    """SQL: the item may be worked on now, if nobody holds it."""
    buried = select(dead_letters.c.item).where(dead_letters.c.item == items.c.id)
    due = or_(items.c.retry_at.is_(None), items.c.retry_at <= now())
    return items.c.state.in_(_CLAIMABLE) & due & ~buried.exists()


async def _take(
    connection: AsyncConnection,
    owner: str,
    ids: Sequence[int],
    condition: ColumnElement[bool],
    deaths: int,
) -> list[Row[Any]]:
    values = values_of(connection, ids)
    result = await connection.execute(
        update(items)
        .where(items.c.id.in_(select(values.c.value)), _is_free(), condition)
        .values(
            state=_working(),
            owner=owner,
            fence=items.c.fence + 1,
            deaths=items.c.deaths + deaths,
            sequence=items.c.sequence + 1,
            retry_at=None,
        )
        .returning(items)
    )
    return list(result.all())


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


async def _about(
    connection: AsyncConnection, table: Any, ids: Sequence[int]
) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    if ids:
        values = values_of(connection, ids)
        for row in await connection.execute(
            select(table).where(table.c.item.in_(select(values.c.value)))
        ):
            found.setdefault(row.item, []).append(row)
    return found


def _answer(
    row: Row[Any], item: NewItem, claimed: dict[int, Row[Any]], fresh: set[int]
) -> Accepted:
    if row.body_hash != item.body_hash:
        return Accepted(Disposition.CONFLICT, row, is_new=False)
    if row.id in claimed:
        return Accepted(Disposition.CLAIMED, claimed[row.id], row.id in fresh)
    if row.state in ENDED or row.dead_at is not None:
        return Accepted(Disposition.ENDED, row, is_new=False)
    waits = row.state == State.WAITING
    return Accepted(Disposition.WAITING if waits else Disposition.BUSY, row, is_new=False)

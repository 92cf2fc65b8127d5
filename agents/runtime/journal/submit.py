"""Taking work in: accept what is new, recognise what is known, claim what nobody holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Double, Row, Text, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.journal.claims import claim, deadline_here
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.fair_queueing import Priority, give_back, ranked
from agents.runtime.journal.schema import dead_letters, effects, items, steps
from agents.runtime.journal.statements import (
    as_values,
    insert_many,
    insert_new,
    is_sqlite,
    record,
    values_named,
    values_of,
)
from agents.runtime.model.lifecycle import ENDED, Event, State


@dataclass(frozen=True, slots=True)
class NewItem:
    """A work item that asks to be accepted; `body` is its canonical JSON.

    Its deadline is so many seconds after its acceptance, `within`, by the journal's clock.
    """

    key: str
    body: str
    body_hash: str
    trace: str
    priority: Priority = Priority.NORMAL
    within: float | None = None


class Disposition(StrEnum):
    """What acceptance found."""

    CLAIMED = "claimed"
    QUEUED = "queued"
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
    steps: list[Row[Any]]
    effects: list[Row[Any]]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose items these are, of which scenario and which version of it."""

    tenant: str
    scenario: str
    version: str


async def accept(
    database: Database, sender: Sender, new: Sequence[NewItem], owner: str | None = None
) -> list[Accepted]:
    """Accept in one transaction; idempotent by (tenant, scenario, key).

    An `owner` claims what it can in the same transaction; without one the items wait in the queue.
    The same key with the same body is the same item; with another body a CONFLICT, and the stored
    item stays as it is. Answers come in the order of `new`.
    """
    if not new:
        return []
    wanted = {item.key: item for item in new}
    async with database.write() as connection:
        rows, fresh = await _insert(connection, sender, wanted, owner)
        claimed: dict[int, Row[Any]] = {}
        if owner is not None:
            claimed = {row.id: row for row in rows.values() if row.id in fresh}
            same = [row.id for row in rows.values() if row.body_hash == wanted[row.key].body_hash]
            before = [known for known in same if known not in fresh]
            taken = await claim(connection, owner, before, len(new), unsuspected=True)
            claimed |= {row.id: row for row in taken}
    return [_answer(rows[item.key], item, claimed, fresh) for item in new]


async def load(database: Database, rows: Sequence[Row[Any]]) -> list[Claimed]:
    """The claimed rows with their stages and effects."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    async with database.read() as connection:
        done = await _about(connection, steps, ids)
        made = await _about(connection, effects, ids)
    return [Claimed(row, done.get(row.id, []), made.get(row.id, [])) for row in rows]


async def outlook(database: Database, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """These items as they stand now."""
    if not ids:
        return []
    async with database.read() as connection:
        values = values_of(connection, ids)
        found = await connection.execute(
            select(items, deadline_here()).where(items.c.id.in_(select(values.c.value)))
        )
        return found.all()


_DEADLINE = now() + bindparam("within", type_=Double())


# What an item is when it waits for a consumer, and when who accepts it claims it at once.
_WAITS = {"state": State.PENDING, "fence": 0, "sequence": 1}
_CLAIMED = {"state": State.PROCESSING, "fence": 1, "sequence": 2}


async def _insert(
    connection: AsyncConnection, sender: Sender, wanted: dict[str, NewItem], owner: str | None
) -> tuple[dict[str, Row[Any]], set[int]]:
    """The stored items by their keys, and the ids of those that were not there before."""
    tenant, scenario = sender.tenant, sender.scenario
    ordered = sorted(wanted.values(), key=lambda item: item.key)  # lest two wait for each other
    ranks = await ranked(connection, scenario, tenant, [item.priority for item in wanted.values()])
    rank_of = dict(zip(wanted, ranks, strict=True))
    rows = [
        {
            "tenant": tenant,
            "scenario": scenario,
            "version": sender.version,
            "key": item.key,
            "priority": item.priority.value,
            "rank": rank_of[item.key],
            "trace": item.trace,
            "body_hash": item.body_hash,
            "body": item.body,
            "within": item.within,
            "owner": owner,
        }
        for item in ordered
    ]
    statement = insert_new(
        connection,
        items,
        crash_count=0,
        cancel_requested=False,
        accepted_at=now(),
        deadline=_DEADLINE,
        **(_CLAIMED if owner else _WAITS),
    )
    await insert_many(connection, statement, rows)
    stored = {row.key: row for row in await _select(connection, tenant, scenario, list(wanted))}
    fresh = {row.id for row in stored.values() if row.trace == wanted[row.key].trace}
    await _record(connection, [row.id for row in stored.values() if row.id in fresh], owner)
    known = [wanted[row.key].priority for row in stored.values() if row.id not in fresh]
    await give_back(connection, scenario, tenant, known)
    return stored, fresh


class _Born(NamedTuple):
    """A new item as one row of its history needs it."""

    id: int
    sequence: int
    fence: int


async def _record(connection: AsyncConnection, ids: Sequence[int], owner: str | None) -> None:
    """The beginning of these histories: accepted, and claimed by the `owner` if there is one."""
    await record(connection, [_Born(key, 1, 0) for key in ids], Event.ACCEPT, None, None, {})
    if owner is not None:
        claims = [_Born(key, 2, 1) for key in ids]
        await record(connection, claims, Event.CLAIM, State.PENDING, owner, {})


async def _select(
    connection: AsyncConnection, tenant: str, scenario: str, keys: list[str]
) -> Sequence[Row[Any]]:
    lite = is_sqlite(connection)
    given = {"tenant": tenant, "scenario": scenario, "keys": as_values(keys, by_sqlite=lite)}
    given["monotonic"] = clock().monotonic()
    found: Sequence[Row[Any]] = (await connection.execute(_stored(by_sqlite=lite), given)).all()
    return found


@cache
def _stored(*, by_sqlite: bool) -> Any:
    # One look-up a key. As a join PostgreSQL may read the whole scenario instead: of a table that
    # grows it knows too little.
    values, same = values_named("keys", Text(), by_sqlite=by_sqlite), items.alias("same")
    by_key = and_(
        same.c.tenant == bindparam("tenant"),
        same.c.scenario == bindparam("scenario"),
        same.c.key == values.c.value,
    )
    ids = select(select(same.c.id).where(by_key).correlate(values).scalar_subquery())
    buried = and_(dead_letters.c.item == items.c.id, dead_letters.c.status == "open")
    here = deadline_here(bindparam("monotonic", type_=Double()))
    query = select(items, here, dead_letters.c.at.label("dead_at")).outerjoin(dead_letters, buried)
    return query.where(items.c.id.in_(ids.select_from(values)))


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
    if row.id in fresh:
        return Accepted(Disposition.QUEUED, row, is_new=True)
    return Accepted(
        Disposition.WAITING if row.waiting_since else Disposition.BUSY, row, is_new=False
    )

"""Submission of work items: accept new ones, recognise known ones, claim those that are not held."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import repeat
from typing import Any, Self
from zlib import crc32

from sqlalchemy import Double, Integer, Row, Text, and_, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.clock import clock
from agents.runtime.journal.claims import claim, deadline_here
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.fair_queueing import Priority, ranked, return_share
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.rollouts import latest
from agents.runtime.journal.schema import dead_letters, effects, item_columns, items, steps
from agents.runtime.journal.statements import (
    bound_values,
    insert_columns,
    insert_new,
    is_sqlite,
    record_latest,
    values_of,
    values_parameter,
)
from agents.runtime.model.forecast import NO_FORECAST, Forecast
from agents.runtime.model.lifecycle import ENDED, Event, State
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import major_of

_TURNS = 0x7475726E  # of PostgreSQL's locks, those of turns: any number that all processes share


@dataclass(frozen=True, slots=True)
class NewItem:
    """A work item to accept; `body` is its canonical JSON, and `customer` the id of whose item it is.

    Its deadline is `within` seconds after its acceptance, by the journal's clock. A `forecast` says
    how long it will take. A `precedence` of its own stands instead of the forecast's. `traceparent` is
    what caused it, of the same trace.
    """

    key: str
    body: str
    body_hash: str
    trace: str
    priority: Priority = Priority.NORMAL
    within: float | None = None
    customer: str | None = None
    forecast: Forecast | None = None
    precedence: float | None = None
    traceparent: str | None = None

    def forecast_as(self, forecast: Forecast | None) -> "NewItem":
        """The same item with this forecast."""
        return self if forecast is None else replace(self, forecast=forecast)


class Disposition(StrEnum):
    """The answer to one submitted item."""

    CLAIMED = "claimed"
    QUEUED = "queued"
    ENDED = "ended"
    WAITING = "waiting"
    BUSY = "busy"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to one submitted item; `row` is the stored item, with the fence of this claim."""

    disposition: Disposition
    row: Row[Any]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed item with its steps and effects."""

    row: Row[Any]
    steps: list[Row[Any]]
    effects: list[Row[Any]]


@dataclass(frozen=True, slots=True)
class Sender:
    """The tenant, scenario and version of submitted items; `others` are other versions of its code.

    With `in_order` an item's id is above those of all that were accepted before it, and sees them all.
    """

    tenant: str
    scenario: str
    version: str
    others: tuple[str, ...] = ()
    in_order: bool = False

    @classmethod
    def of(cls, tenant: str, scenario: Scenario) -> Self:
        """The sender of a tenant's items of this scenario, in the versions that this code has."""
        others = tuple(one.version for one in scenario.others)
        return cls(tenant, scenario.name, scenario.version, others, scenario.in_order)

    @property
    def versions(self) -> dict[int, str]:
        """The versions by their majors."""
        return {major_of(version): version for version in (self.version, *self.others)}


async def accept(
    database: Database, sender: Sender, new: Sequence[NewItem], owner: str | None = None
) -> list[Accepted]:
    """Accept items in one transaction; idempotent by (tenant, scenario, key).

    An `owner` claims what it can in the same transaction; without one the items wait in the queue.
    An item with a known key and the same body is the stored one. With another body it is a CONFLICT,
    and the stored item stays unchanged. Of several new items with one key the first is stored.
    Answers are in the order of `new`.
    """
    if not new:
        return []
    async with database.write(len(new)) as connection:
        return await accept_within(connection, sender, new, owner)


async def known_keys(database: Database, sender: Sender, keys: Sequence[str]) -> set[str]:
    """Those of the keys under which the tenant has an item already."""
    if not keys:
        return set()
    async with database.read(len(keys)) as connection:
        values = values_of(connection, keys)
        theirs = and_(items.c.tenant == sender.tenant, items.c.scenario == sender.scenario)
        found = await connection.scalars(
            select(items.c.key).where(theirs, items.c.key.in_(select(values.c.value)))
        )
        return set(found)


async def accept_within(
    connection: AsyncConnection, sender: Sender, new: Sequence[NewItem], owner: str | None = None
) -> list[Accepted]:
    """As `accept`, in the transaction of the connection."""
    if sender.in_order and not is_sqlite(connection):
        await _take_turn(connection, sender)
    wanted: dict[str, NewItem] = {}
    for item in new:
        wanted.setdefault(item.key, item)
    rows, fresh = await _insert(connection, sender, wanted, owner)
    claimed: dict[int, Row[Any]] = {}
    if owner is not None:
        claimed = {row.id: row for row in rows.values() if row.id in fresh}
        same = [row.id for row in rows.values() if row.body_hash == wanted[row.key].body_hash]
        known = [item_id for item_id in same if item_id not in fresh]
        taken = await claim(
            connection, owner, known, len(new), unsuspected=True, majors=tuple(sender.versions)
        )
        claimed |= {row.id: row for row in taken}
    return [_answer(rows[item.key], item, claimed, fresh) for item in new]


async def _take_turn(connection: AsyncConnection, sender: Sender) -> None:
    """Wait until no other transaction accepts items of the sender. On SQLite there is only one writer.

    PostgreSQL gives an id at the insert and shows the row at the commit: without turns the lower id
    could be seen later.
    """
    number = (
        crc32(f"{sender.tenant}:{sender.scenario}".encode()) - 2**31
    )  # a signed integer of 32 bits
    turn = func.pg_advisory_xact_lock(cast(_TURNS, Integer), cast(number, Integer))
    await connection.execute(select(turn))


async def load(database: Database, rows: Sequence[Row[Any]]) -> list[Claimed]:
    """The claimed rows with their steps and effects."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    async with database.read(len(rows)) as connection:
        steps_of = await _rows_by_item(connection, steps, ids)
        effects_of = await _rows_by_item(connection, effects, ids)
    return [Claimed(row, steps_of.get(row.id, []), effects_of.get(row.id, [])) for row in rows]


async def current_rows(database: Database, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """The current rows of these items."""
    if not ids:
        return []
    async with database.read(len(ids)) as connection:
        values = values_of(connection, ids)
        found = await connection.execute(
            select(items, deadline_here()).where(items.c.id.in_(select(values.c.value)))
        )
        return found.all()


_DEADLINE = now() + bindparam("within", type_=Double())


# A new item that waits for a consumer, and one that its submitter claims at once.
_AS_QUEUED = {"state": State.PENDING, "fence": 0, "sequence": 1}
_AS_CLAIMED = {"state": State.PROCESSING, "fence": 1, "sequence": 2}


async def _insert(
    connection: AsyncConnection, sender: Sender, wanted: dict[str, NewItem], owner: str | None
) -> tuple[dict[str, Row[Any]], set[int]]:
    """The stored items by their keys, and the ids of the new ones."""
    tenant, scenario = sender.tenant, sender.scenario
    ordered = sorted(wanted.values(), key=lambda item: item.key)  # the same order avoids deadlocks
    ranks = await ranked(connection, scenario, tenant, [item.priority for item in wanted.values()])
    rank_of = dict(zip(wanted, ranks, strict=True))
    versions = await _versions(connection, sender, wanted)
    columns: dict[str, Iterable[Any]] = {
        "tenant": repeat(tenant),
        "scenario": repeat(scenario),
        "version": [versions[item.key] for item in ordered],
        "major": [major_of(versions[item.key]) for item in ordered],
        "key": [item.key for item in ordered],
        "priority": [item.priority.value for item in ordered],
        "rank": [rank_of[item.key] for item in ordered],
        "trace": [item.trace for item in ordered],
        "traceparent": [item.traceparent for item in ordered],
        "body_hash": [item.body_hash for item in ordered],
        "body": [item.body for item in ordered],
        "within": [item.within for item in ordered],
        "customer": [item.customer for item in ordered],
        "owner": repeat(owner),
        **_forecasts(ordered),
    }
    statement = insert_new(
        connection,
        items,
        crash_count=0,
        cancel_requested=False,
        accepted_at=now(),
        deadline=_DEADLINE,
        **(_AS_CLAIMED if owner else _AS_QUEUED),
    )
    is_fresh = await _insert_rows(connection, statement, columns)
    stored = {row.key: row for row in await _select(connection, tenant, scenario, list(wanted))}
    fresh = {row.id for row in stored.values() if is_fresh(row.id)}
    await _record(connection, [row.id for row in stored.values() if row.id in fresh], owner)
    known = [wanted[row.key].priority for row in stored.values() if row.id not in fresh]
    await return_share(connection, scenario, tenant, known)
    return stored, fresh


async def _insert_rows(
    connection: AsyncConnection, statement: Any, columns: Mapping[str, Iterable[Any]]
) -> Callable[[int], bool]:
    """Insert the rows whose keys are new; returns what says whether an id is one of them."""
    if not is_sqlite(connection):
        made = await insert_columns(connection, _returning_ids(statement), columns)
        return set(made.scalars()).__contains__
    # SQLite returns nothing for many rows. It numbers them upwards, and nobody else writes now.
    ((last,),) = await fetch(connection, _LAST_ID, {})
    await insert_columns(connection, statement, columns)
    return lambda item_id: item_id > last


@cache  # a new statement would be compiled each time
def _returning_ids(statement: Any) -> Any:
    return statement.returning(items.c.id)


def _forecasts(new: Sequence[NewItem]) -> dict[str, Iterable[Any]]:
    """The columns of the forecasts; a precedence of an item's own stands instead of the forecast's."""
    if all(item.forecast is None and item.precedence is None for item in new):
        return {name: repeat(None) for name in NO_FORECAST}
    rows = [
        {
            **(NO_FORECAST if item.forecast is None else item.forecast.columns()),
            **({} if item.precedence is None else {"precedence": item.precedence}),
        }
        for item in new
    ]
    return {name: [row[name] for row in rows] for name in NO_FORECAST}


_LAST_ID = select(func.coalesce(func.max(items.c.id), 0))


async def _versions(
    connection: AsyncConnection, sender: Sender, keys: Iterable[str]
) -> dict[str, str]:
    """The version that a new item with each of these keys begins with.

    Read in the transaction that accepts them, so that a promotion or a roll back is seen at once.
    """
    rollout = await latest(connection, sender.scenario) if sender.others else None
    if rollout is None:
        return dict.fromkeys(keys, sender.version)
    known = sender.versions
    return {key: known.get(rollout.major_for(sender.tenant, key), sender.version) for key in keys}


async def _record(connection: AsyncConnection, ids: Sequence[int], owner: str | None) -> None:
    """Write the first history rows of new items: accepted, and claimed if there is an `owner`."""
    claimed = int(owner is not None)
    await record_latest(connection, ids, Event.ACCEPT, None, None, behind=claimed)
    if claimed:
        await record_latest(connection, ids, Event.CLAIM, State.PENDING, owner)


async def _select(
    connection: AsyncConnection, tenant: str, scenario: str, keys: list[str]
) -> Sequence[Row[Any]]:
    lite = is_sqlite(connection)
    parameters = {
        "tenant": tenant,
        "scenario": scenario,
        "keys": values_parameter(keys, by_sqlite=lite),
        "monotonic": clock().monotonic(),
    }
    return await fetch(connection, _stored(by_sqlite=lite), parameters)


@cache
def _stored(*, by_sqlite: bool) -> Any:
    # A sub-select per key is one look-up each. For a join PostgreSQL may scan the whole scenario,
    # since its statistics of a growing table are out of date.
    values, same = bound_values("keys", Text(), by_sqlite=by_sqlite), items.alias("same")
    by_key = and_(
        same.c.tenant == bindparam("tenant"),
        same.c.scenario == bindparam("scenario"),
        same.c.key == values.c.value,
    )
    ids = select(select(same.c.id).where(by_key).correlate(values).scalar_subquery())
    dead_lettered = and_(dead_letters.c.item == items.c.id, dead_letters.c.status == "open")
    deadline = deadline_here(bindparam("monotonic", type_=Double()))
    columns = (*item_columns, deadline, dead_letters.c.at.label("dead_at"))
    query = select(*columns).outerjoin(dead_letters, dead_lettered)
    found = ids.select_from(values)
    if by_sqlite:
        return query.where(items.c.id.in_(found))
    # PostgreSQL looks the ids of an array up. With IN it may join all items to them, for the same reason.
    return query.where(items.c.id == func.any(func.array(found.scalar_subquery())))


async def _rows_by_item(
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

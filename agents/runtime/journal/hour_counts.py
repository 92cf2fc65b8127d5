"""Counts by hour of the items that were accepted and of those that ended, for overviews.

They are kept in the transaction that changes the items, so that a page over a million items reads a few
rows. An item that ends again after an operator reopened it counts again: these are events, not items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import hour_counts
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import items
from agents.runtime.model.lifecycle import ENDED, TRANSITIONS, Event, State

HOUR = 3_600
ACCEPTED = "accepted"
KEPT_HOURS = 24 * 32


def counted_as(event: Event, source: State | None) -> str | None:
    """The name under which the event is counted: accepted, or the state in which items end."""
    if event is Event.ACCEPT:
        return ACCEPTED
    if event is Event.DEAD_LETTER:
        return State.DEAD_LETTERED  # also of an item that goes on compensating afterwards
    target = TRANSITIONS[source, event]
    return target if target in ENDED and target != source else None


@dataclass(frozen=True, slots=True)
class HourCount:
    """How many items of a scenario were accepted, or ended in a state, in one hour.

    `hour` is its beginning, in seconds since 1970.
    """

    scenario: str
    hour: int
    name: str
    count: int


async def last_hours(journal: Journal, hours: int) -> list[HourCount]:
    """The counts of the journal's tenant in the current hour and those before, `hours` in total."""
    since = _hour() - hours + 1
    columns = (hour_counts.c.scenario, hour_counts.c.hour, hour_counts.c.name)
    query = (
        select(*columns, func.sum(hour_counts.c.total).label("total"))
        .where(hour_counts.c.tenant == journal.tenant, hour_counts.c.hour >= since)
        .group_by(*columns)
    )
    async with journal.database.read() as connection:
        rows = await connection.execute(query)
        return [HourCount(row.scenario, row.hour * HOUR, row.name, int(row.total)) for row in rows]


async def add(connection: AsyncConnection, ids: Sequence[int], name: str) -> None:
    """Count these items in the current hour, within the transaction that changes them."""
    if not ids:
        return
    if connection.dialect.name == "sqlite":
        parameters: dict[str, Any] = {"ids": orjson.dumps(ids).decode(), "name": name}
        await fetch(connection, _add_on_sqlite(), parameters)
    else:
        await connection.execute(_add_on_postgresql(), {"ids": list(ids), "name": name})


async def forget(connection: AsyncConnection) -> None:
    """Delete counts that are older than any page shows."""
    await connection.execute(delete(hour_counts).where(hour_counts.c.hour < _hour() - KEPT_HOURS))


def _hour() -> ColumnElement[int]:
    return cast(func.floor(now() / HOUR), Integer)


@cache
def _add_on_sqlite() -> Any:
    these = func.json_each(bindparam("ids")).table_valued("value")
    return _add(sqlite, these, literal(0))


@cache
def _add_on_postgresql() -> Any:
    each = func.unnest(bindparam("ids", type_=ARRAY(BigInteger())))
    return _add(postgresql, each.table_valued("value").render_derived(), func.pg_backend_pid())


def _add(dialect: Any, these: FromClause, writer: ColumnElement[int]) -> Any:
    """Each connection has rows of its own, so that no two transactions wait for one another."""
    counted = (
        select(
            *(items.c.tenant, items.c.scenario, _hour(), bindparam("name", type_=Text())),
            *(writer, func.count()),
        )
        .where(items.c.id.in_(select(these.c.value)))
        .group_by(items.c.tenant, items.c.scenario)
    )
    columns = hour_counts.c
    statement = dialect.insert(hour_counts).from_select(list(columns.keys()), counted)
    return statement.on_conflict_do_update(
        index_elements=list(hour_counts.primary_key),
        set_={"total": columns.total + statement.excluded.total},
    )

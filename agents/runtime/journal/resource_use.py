"""What of each resource is used, reserved and waited for: for lists of operators, and for metrics."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.capacities import comes
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.scheduling_schema import (
    capacities,
    holdings,
    quota_uses,
    resource_waits,
)
from agents.runtime.journal.schema import items
from agents.runtime.journal.workers import is_alive


@dataclass(frozen=True, slots=True)
class FirstInLine:
    """The step that has waited longest for a capacity, for `seconds`."""

    tenant: str
    scenario: str
    key: str
    agent: str
    amount: float
    seconds: float


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """A capacity, for all tenants ("") or for one, and its use.

    `used` is what living processes hold, and of a quota what was used in its window. `reserved` is what
    others must leave for the step that has waited longest. `waiting` are the steps that it blocks, and
    `first` is the one of them that has waited longest; for a tenant, of its own. `set_by` is who set it on
    this installation, if somebody did.
    """

    resource: str
    tenant: str
    amount: float
    window_seconds: float | None
    at_limit: str | None
    set_by: str | None
    used: float
    reserved: float
    waiting: int
    first: FirstInLine | None


async def usage(database: Database, tenant: str | None = None) -> list[ResourceUse]:
    """All capacities with their use, by name.

    With a `tenant`, those for all and its own, and of the steps that wait only its own.
    """
    async with database.read() as connection:
        rows = (await connection.execute(_usage(tenant))).all()
        return [await _use(connection, row, tenant) for row in rows]


async def _use(connection: AsyncConnection, row: Row[Any], tenant: str | None) -> ResourceUse:
    first = await _first(connection, row)
    own = first if first is None or tenant is None else await _first(connection, row, tenant)
    return ResourceUse(
        *(row.resource, row.tenant, row.amount, row.window_seconds, row.at_limit, row.set_by),
        used=float(row.held or 0.0) + float(row.uses or 0.0),
        reserved=first.amount if first else 0.0,
        waiting=row.waiting,
        first=own,
    )


def _usage(tenant: str | None) -> Select[Any]:
    """SQL: one row for each capacity that the tenant may see; None sees all of them."""
    every = capacities.c.tenant == ""
    alive = or_(capacities.c.window_seconds.is_not(None), is_alive(holdings.c.owner))
    held = (
        select(func.sum(holdings.c.amount))
        .where(holdings.c.resource == capacities.c.resource, alive)
        .where(or_(every, holdings.c.tenant == capacities.c.tenant))
    )
    uses = (
        select(func.sum(quota_uses.c.amount))
        .where(quota_uses.c.resource == capacities.c.resource, quota_uses.c.until > now())
        .where(quota_uses.c.scope == capacities.c.tenant)
    )
    waiting = (
        select(func.count())
        .select_from(resource_waits.join(items, items.c.id == resource_waits.c.item))
        .where(_in_line(), comes(), resource_waits.c.blocks)
        .where(true() if tenant is None else items.c.tenant == tenant)
    )
    seen = true() if tenant is None else capacities.c.tenant.in_(["", tenant])
    query = select(
        capacities,
        held.scalar_subquery().label("held"),
        case((capacities.c.window_seconds.is_not(None), uses.scalar_subquery()), else_=0.0).label(
            "uses"
        ),
        waiting.scalar_subquery().label("waiting"),
    )
    return query.where(seen).order_by(capacities.c.resource, capacities.c.tenant)


def _in_line() -> Any:
    waits = resource_waits.c
    return and_(waits.resource == capacities.c.resource, waits.scope == capacities.c.tenant)


async def _first(
    connection: AsyncConnection, capacity: Row[Any], tenant: str | None = None
) -> FirstInLine | None:
    waits = resource_waits.c
    line = and_(waits.resource == capacity.resource, waits.scope == capacity.tenant)
    row = (
        await connection.execute(
            select(
                *(items.c.tenant, items.c.scenario, items.c.key, waits.agent, waits.amount),
                (now() - waits.since).label("seconds"),
            )
            .join(items, items.c.id == waits.item)
            .where(line, comes(), true() if tenant is None else items.c.tenant == tenant)
            .order_by(waits.since, waits.item, waits.agent)
            .limit(1)
        )
    ).first()
    if row is None:
        return None
    of = (row.tenant, row.scenario, row.key, row.agent, row.amount)
    return FirstInLine(*of, seconds=max(row.seconds, 0.0))

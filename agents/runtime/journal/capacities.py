"""Capacities in the journal: how much there is, what of it is used, and who waits for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.scheduling_schema import (
    capacities,
    holdings,
    quota_uses,
    resource_waits,
)
from agents.runtime.journal.schema import items
from agents.runtime.journal.statements import insert_or_change
from agents.runtime.model.lifecycle import State
from agents.runtime.scheduling.reservations import Capacity, Place

PARTS = 20  # of the window of a quota: what is used counts up to one part longer than the window
MAY_COME = (State.PENDING, State.PROCESSING, State.COMPENSATING)


@dataclass(slots=True)
class Locked:
    """Capacities whose rows this transaction has locked, and the time, in seconds since 1970."""

    capacities: list[Capacity]
    at: float = 0.0


async def lock(
    connection: AsyncConnection, names: Iterable[str], tenants: Iterable[str] | None = None
) -> Locked:
    """Lock the capacities of these resources, for all tenants and for the given ones (None: for each)."""
    wanted = sorted(names)
    if not wanted:
        return Locked([])
    query = select(capacities, now().label("at")).where(capacities.c.resource.in_(wanted))
    if tenants is not None:
        query = query.where(capacities.c.tenant.in_(sorted({"", *tenants})))
    ordered = query.order_by(capacities.c.resource, capacities.c.tenant)
    rows = (await connection.execute(ordered.with_for_update())).all()
    found = [
        Capacity(row.resource, row.tenant, row.amount, row.window_seconds, row.at_limit)
        for row in rows
    ]
    return Locked(found, rows[-1].at if rows else 0.0)


async def are_limited(database: Database, names: Iterable[str]) -> bool:
    """Whether one of these resources has a capacity."""
    known = select(capacities.c.resource).where(capacities.c.resource.in_(sorted(names))).limit(1)
    async with database.read() as connection:
        return await connection.scalar(known) is not None


async def largest(database: Database, tenant: str) -> list[Capacity]:
    """The capacities that bound a step of this tenant: those for all and its own."""
    mine = capacities.c.tenant.in_(["", tenant])
    async with database.read() as connection:
        rows = (await connection.execute(select(capacities).where(mine))).all()
    return [
        Capacity(row.resource, row.tenant, row.amount, row.window_seconds, row.at_limit)
        for row in rows
    ]


async def fill(connection: AsyncConnection, locked: Locked, most: int) -> None:
    """Read what is used of each capacity, and the first `most` of those that wait for it."""
    for capacity in locked.capacities:
        capacity.used = float(await connection.scalar(_held(capacity)) or 0.0)
        if capacity.window_seconds:
            capacity.used += await _used(connection, capacity, capacity.window_seconds, locked.at)
        rows = (await connection.execute(_first_in_line(capacity, most))).all()
        if any(row.since > locked.at for row in rows):
            await _restart_waits(connection, locked.at)
        capacity.line = sorted(
            Place(min(row.since, locked.at), row.item, row.agent, row.amount, row.blocks)
            for row in rows
        )


async def add_use(
    connection: AsyncConnection, of: tuple[str, str], amount: float, window: float, at: float
) -> None:
    """Count an amount of a quota as used at `at`, for its window; `of` are resource and scope."""
    part, (resource, scope) = window / PARTS, of
    until = (floor(at / part) + 1) * part + window
    changes = {"amount": quota_uses.c.amount + amount}
    row = {"resource": resource, "scope": scope, "until": until, "amount": amount}
    if amount:
        await connection.execute(insert_or_change(connection, quota_uses, changes).values(**row))


async def _restart_waits(connection: AsyncConnection, at: float) -> None:
    """Let waits begin now that were written before the clock was set back: see waits.py."""
    waits = resource_waits.c
    await connection.execute(update(resource_waits).where(waits.since > at).values(since=at))


def _held(capacity: Capacity) -> Select[Any]:
    query = select(func.sum(holdings.c.amount)).where(holdings.c.resource == capacity.resource)
    if capacity.scope:
        query = query.where(holdings.c.tenant == capacity.scope)
    return query


async def _used(connection: AsyncConnection, capacity: Capacity, window: float, at: float) -> float:
    """What was used of a quota in its window. Uses from before the clock was set back begin again now."""
    total, latest = func.sum(quota_uses.c.amount), func.max(quota_uses.c.until)
    query = select(total.label("total"), latest.label("latest")).where(uses_of(capacity))
    row = (await connection.execute(query.where(quota_uses.c.until > at))).one()
    last = at + window * (1 + 2 / PARTS)
    if row.latest is not None and row.latest > last:
        future = delete(quota_uses).where(uses_of(capacity), quota_uses.c.until > last)
        found = await connection.execute(future.returning(quota_uses.c.amount))
        for use in found.all():
            of = capacity.resource, capacity.scope
            await add_use(connection, of, use.amount, window, at)
    return float(row.total or 0.0)


def uses_of(capacity: Capacity) -> ColumnElement[bool]:
    """SQL: the use is of this capacity."""
    return and_(quota_uses.c.resource == capacity.resource, quota_uses.c.scope == capacity.scope)


def _first_in_line(capacity: Capacity, most: int) -> Select[Any]:
    """SQL: the first that wait for this capacity and may still come."""
    waits = resource_waits.c
    line = and_(waits.resource == capacity.resource, waits.scope == capacity.scope)
    return (
        select(waits.since, waits.item, waits.agent, waits.amount, waits.blocks)
        .join(items, items.c.id == waits.item)
        .where(line, comes())
        .order_by(waits.since, waits.item, waits.agent)
        .limit(most)
    )


def comes() -> ColumnElement[bool]:
    """SQL: the step that waits tries again soon, or has been due for a short time only."""
    soon = and_(resource_waits.c.until > now(), items.c.waiting_since.is_(None))
    return and_(soon, items.c.state.in_(MAY_COME))

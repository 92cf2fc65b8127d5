"""Workers: the processes that hold items, one row each with the time of its last heartbeat.

The clock of the database decides about leases, and it may be set. Back: a heartbeat from the future
counts as one from now, so it is a sign of life for one lease only. Forward: a process whose own lease
looks old takes over nothing, and the first that notices restarts all leases.
"""

import os
import socket
from collections.abc import Awaitable, Callable

from sqlalchemy import Update, delete, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import items, owners
from agents.runtime.journal.statements import record
from agents.runtime.model.lifecycle import Event, State


def is_alive(owner: ColumnElement[str | None]) -> ColumnElement[bool]:
    """SQL: this owner has a row and its lease has not run out."""
    return (
        select(owners.c.id).where(owners.c.id == owner, owners.c.beat_at + owners.c.lease > now())
    ).exists()


async def lives(database: Database, worker: str) -> bool:
    """Whether the lease of this worker has not run out."""
    async with database.read() as connection:
        return bool(await connection.scalar(select(is_alive(literal(worker)))))


def unheld() -> ColumnElement[bool]:
    """SQL: no living process holds the item."""
    return or_(items.c.owner.is_(None), ~is_alive(items.c.owner))


def looks_old(worker: str) -> ColumnElement[bool]:
    """SQL: the last heartbeat of this worker seems half a lease old, so that others seem dead too."""
    old = now() - owners.c.beat_at > owners.c.lease / 2
    return select(owners.c.id).where(owners.c.id == worker, old).exists()


async def register(database: Database, worker: str, lease: float, flow_run: str | None) -> float:
    """Write the row of a worker whose lease lasts `lease` seconds after each heartbeat.

    Returns the time of the first heartbeat.
    """
    row = {"id": worker, "host": socket.gethostname(), "pid": os.getpid()}
    new = insert(owners).values(lease=lease, beat_at=now(), flow_run=flow_run, **row)
    async with database.write() as connection:
        at: float = await connection.scalar(new.returning(owners.c.beat_at))
        await connection.execute(_restart(owners.c.beat_at > now()))
    return at


async def beat(database: Database, worker: str, set_by: Callable[[float], float]) -> float | None:
    """Renew the lease. Returns the time of this heartbeat, or None if the worker's row is gone.

    `set_by` gets that time and returns by how many seconds the clock was set forward since the last
    heartbeat. Then the leases that had not run out before are restarted, in the same commit: as soon
    as this worker looks alive, so do the others.
    """
    renewed = update(owners).where(owners.c.id == worker).values(beat_at=now())
    async with database.write() as connection:
        at: float | None = await connection.scalar(renewed.returning(owners.c.beat_at))
        await connection.execute(_restart(owners.c.beat_at > now()))
        if at is not None and (seconds := set_by(at)) > 0:
            lived = owners.c.beat_at + owners.c.lease > now() - seconds
            await connection.execute(_restart(lived))
    return at


def _restart(condition: ColumnElement[bool]) -> Update:
    """SQL: heartbeats from now for these workers; a row that is locked is being renewed anyway."""
    free = select(owners.c.id).where(condition).with_for_update(skip_locked=True)
    return update(owners).where(owners.c.id.in_(free)).values(beat_at=now())


async def retire(
    database: Database,
    worker: str,
    give_back: Callable[[AsyncConnection, list[str]], Awaitable[object]] | None = None,
) -> int:
    """Hand back the items that the worker holds, without counting a crash, and delete its row.

    `give_back` gives back its resources in the same commit, if it has any. Returns how many items it handed back.
    """
    async with database.write() as connection:
        handed_back = await _hand_back(connection, worker, State.PROCESSING, State.PENDING)
        handed_back += await _hand_back(connection, worker, State.COMPENSATING, State.COMPENSATING)
        if give_back is not None:
            await give_back(connection, [worker])
        await connection.execute(delete(owners).where(owners.c.id == worker))
    return handed_back


async def _hand_back(connection: AsyncConnection, worker: str, source: State, target: State) -> int:
    result = await connection.execute(
        update(items)
        .where(items.c.owner == worker, items.c.state == source)
        .values(state=target, owner=None, sequence=items.c.sequence + 1)
        .returning(items.c.id, items.c.sequence, items.c.fence)
    )
    rows = result.all()
    await record(connection, rows, Event.HAND_BACK, source, worker, {})
    return len(rows)

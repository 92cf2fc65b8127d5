"""Workers: the processes that hold items, one row each with the time of its last heartbeat."""

import os
import socket

from sqlalchemy import delete, insert, or_, select, update
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


def unheld() -> ColumnElement[bool]:
    """SQL: no living process holds the item."""
    return or_(items.c.owner.is_(None), ~is_alive(items.c.owner))


async def register(database: Database, worker: str, lease: float, flow_run: str | None) -> None:
    """Write the row of a worker whose lease lasts `lease` seconds after each heartbeat."""
    row = {"id": worker, "host": socket.gethostname(), "pid": os.getpid()}
    async with database.write() as connection:
        await connection.execute(
            insert(owners).values(lease=lease, beat_at=now(), flow_run=flow_run, **row)
        )


async def beat(database: Database, worker: str) -> bool:
    """Renew the lease; False if the worker's row is gone."""
    renewed = update(owners).where(owners.c.id == worker).values(beat_at=now())
    async with database.write() as connection:
        return bool((await connection.execute(renewed)).rowcount)


async def retire(database: Database, worker: str) -> int:
    """Hand back the items that the worker holds, without counting a crash, and delete its row.

    Returns how many items it has handed back.
    """
    async with database.write() as connection:
        handed_back = await _hand_back(connection, worker, State.PROCESSING, State.PENDING)
        handed_back += await _hand_back(connection, worker, State.COMPENSATING, State.COMPENSATING)
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

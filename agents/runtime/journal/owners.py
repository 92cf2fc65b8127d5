"""Living processes that hold work items: one row each, its heartbeat kept by a thread of its own."""

import asyncio
import os
import socket
import threading
import uuid

from prefect.runtime import flow_run
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from agents.runtime.clock import clock
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.rows import record
from agents.runtime.journal.schema import items, owners
from agents.runtime.lifecycle import Event, State
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

BEATS_PER_LEASE = 5


def is_alive(owner: ColumnElement[str | None]) -> ColumnElement[bool]:
    """SQL: the owner has a row whose lease has not run out."""
    return (
        select(owners.c.id).where(owners.c.id == owner, owners.c.beat_at + owners.c.lease > now())
    ).exists()


class Owner:
    """Identity and lease of this process; `lease` in seconds."""

    def __init__(self, database: Database, url: str, lease: float) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.lease = lease
        self._database, self._url = database, url
        self._stopped = threading.Event()
        self._beaten = clock().monotonic()
        self._thread = threading.Thread(target=self._keep_beating, name="owner", daemon=True)

    async def register(self) -> None:
        """Write the row and start the heartbeat."""
        self._beaten = clock().monotonic()
        async with self._database.write() as connection:
            await connection.execute(
                insert(owners).values(
                    id=self.id,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    lease=self.lease,
                    beat_at=now(),
                    flow_run=flow_run.get_id(),
                )
            )
        self._start_beating()

    async def retire(self) -> None:
        """Hand back what is still held, without counting a death, and remove the row."""
        await self._stop_beating()
        async with self._database.write() as connection:
            await self._hand_back(connection, State.PROCESSING, State.PENDING)
            await self._hand_back(connection, State.COMPENSATING, State.COMPENSATING)
            await connection.execute(delete(owners).where(owners.c.id == self.id))

    def remaining(self) -> float:
        """Seconds for which no one else can take over what this process holds."""
        return self._beaten + self.lease - clock().monotonic()

    async def _hand_back(self, connection: AsyncConnection, source: State, target: State) -> None:
        result = await connection.execute(
            update(items)
            .where(items.c.owner == self.id, items.c.state == source)
            .values(state=target, owner=None, sequence=items.c.sequence + 1)
            .returning(items.c.id, items.c.sequence, items.c.fence)
        )
        await record(connection, result.all(), Event.HAND_BACK, source, self.id, {})

    def _start_beating(self) -> None:
        self._thread.start()

    async def _stop_beating(self) -> None:
        self._stopped.set()
        await asyncio.to_thread(self._thread.join)

    def _keep_beating(self) -> None:
        asyncio.run(self._beat_until_stopped())

    async def _beat_until_stopped(self) -> None:
        # Its own engine: connections of the flow's event loop cannot be shared with this thread.
        database = Database(self._url)
        while not await asyncio.to_thread(self._stopped.wait, self.lease / BEATS_PER_LEASE):
            await self._beat(database)
        await database.close()

    async def _beat(self, database: Database) -> None:
        begun = clock().monotonic()
        try:
            async with database.write() as connection:
                beat = await connection.execute(
                    update(owners).where(owners.c.id == self.id).values(beat_at=now())
                )
            if beat.rowcount:
                self._beaten = begun
        except Exception:
            log.exception("heartbeat failed", owner=self.id, remaining=self.remaining())


def unheld() -> ColumnElement[bool]:
    """SQL: nobody alive holds the item."""
    return or_(items.c.owner.is_(None), ~is_alive(items.c.owner))

"""SQLite without a thread: the journal's real SQL on a real file, each call done where it is awaited.

It has as much of aiosqlite as SQLAlchemy uses. A database's own locks decide who may write; who has
to wait does so in virtual time. `julianday('now')` is the simulation's.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.runtime.journal.database import _begin_immediate, open_engine
from tests.faults.simulation.loop import PROCESS

JULIAN_1970 = 2440587.5
DAY = 86_400.0
PATIENCE = 10.0  # seconds, as SQLite's busy timeout in production


class Disk(Protocol):
    """What the process that uses the database brings to it."""

    alive: bool
    path: str
    open: "list[InlineConnection]"

    async def rest(self, longest: float) -> None:
        """Let others go on."""
        ...

    async def io(self, what: str) -> bool:
        """Before a call: wait, fail, or be told (True) to fail after it."""
        ...

    def database_time(self) -> float:
        """Seconds since 1970."""
        ...

    def waited(self) -> float:
        """Virtual seconds, for durations."""
        ...


class Gone(BaseException):
    """The process is dead; whatever it still tries has no effect."""


class Done:
    """Something to await that is over already."""

    def __await__(self) -> Iterator[None]:
        return iter(())


class InlineConnection:
    """A connection of one process."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            disk.path, timeout=0, check_same_thread=False, isolation_level=None
        )
        clock = disk.database_time
        self._conn.create_function("julianday", 1, lambda _: JULIAN_1970 + clock() / DAY)
        self._tx = self
        disk.open.append(self)

    @property
    def _conn(self) -> sqlite3.Connection:
        if not self._disk.alive or self._connection is None:
            raise Gone
        return self._connection

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level

    @property
    def in_transaction(self) -> bool:
        return self._connection is not None and self._connection.in_transaction

    def put_nowait(self, call: tuple[Any, Any]) -> None:
        """What aiosqlite would hand to its thread."""
        future, function = call
        future.set_result(function())

    def cursor(self) -> "InlineCursor":
        return InlineCursor(self)

    async def execute(self, sql: str) -> None:
        """BEGIN IMMEDIATE of the journal: wait for the lock as SQLite does."""
        until = self._disk.waited() + PATIENCE
        await self._disk.io("begin")
        while True:
            try:
                self._conn.execute(sql)
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or self._disk.waited() > until:
                    raise
            await self._disk.rest(0.05)

    async def commit(self) -> None:
        if self._conn.in_transaction:
            fail = await self._disk.io("commit")
            self._conn.commit()
            await self._disk.rest(0.002)
            if fail:
                raise sqlite3.OperationalError("disk I/O error")  # it is committed all the same

    def rollback(self) -> "Done":
        """At once: SQLAlchemy also asks for it where nobody awaits any more."""
        if self._connection is not None and self._disk.alive:
            self._connection.rollback()
        return Done()

    async def create_function(self, *args: Any, **options: Any) -> None:
        self._conn.create_function(*args, **options)

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Close it; what is not committed is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class InlineCursor:
    """A cursor of it."""

    def __init__(self, connection: InlineConnection) -> None:
        self._connection = connection
        self._cursor = connection._conn.cursor()

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        await self._call(sql, self._cursor.execute, parameters)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        await self._call(sql, self._cursor.executemany, parameters)
        return self

    async def _call(self, sql: str, do: Any, parameters: Any) -> None:
        connection = self._connection
        if sql.startswith("PRAGMA busy_timeout"):
            return  # it would wait in real time
        if not sql.startswith("PRAGMA"):
            await connection._disk.io("call")
        assert connection._conn is not None
        do(sql, parameters)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid


async def _connect(*_: Any, **__: Any) -> InlineConnection:
    process: Any = PROCESS.get()
    if process is None or not process.alive:
        raise Gone
    return InlineConnection(process)


class Engines:
    """An engine for each process, with one memory of compiled statements for all of them."""

    def __init__(self) -> None:
        self._first = open_engine(
            "sqlite+aiosqlite:///simulated", async_creator=_connect
        ).sync_engine

    def new(self) -> AsyncEngine:
        """An engine with connections of its own."""
        first = self._first
        engine = Engine(first.pool.recreate(), first.dialect, first.url)
        event.listen(engine, "begin", _begin_immediate)
        engine._compiled_cache = first._compiled_cache
        return AsyncEngine(engine)

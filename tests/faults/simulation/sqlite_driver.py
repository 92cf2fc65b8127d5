"""A SQLite driver without a thread: the journal's real SQL on a real file, executed in the awaiting task.

It implements the part of aiosqlite that SQLAlchemy uses. SQLite's own locks decide which process may
write; a process that waits for a lock waits in virtual time. `julianday('now')` is the virtual time.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.runtime.journal.database import open_engine
from agents.runtime.journal.quick import begin_immediate
from tests.faults.simulation.loop import PROCESS

JULIAN_1970 = 2440587.5
DAY = 86_400.0
LOCK_TIMEOUT = 10.0  # seconds, like SQLite's busy timeout in production


class DatabaseUser(Protocol):
    """The simulated process as the driver sees it."""

    alive: bool
    path: str
    open: "list[InlineConnection]"

    async def rest(self, longest: float) -> None:
        """Wait for at most `longest` virtual seconds."""
        ...

    async def io(self, what: str) -> bool:
        """Before a call: wait or raise; True means that the call must fail after its effect."""
        ...

    def database_time(self) -> float:
        """Return seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return virtual seconds, for durations."""
        ...


class ProcessDead(BaseException):
    """The process is dead: its calls have no effect."""


class Finished:
    """An awaitable that is finished."""

    def __await__(self) -> Iterator[None]:
        return iter(())


class InlineConnection:
    """A connection of one simulated process."""

    def __init__(self, user: DatabaseUser) -> None:
        self._user = user
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            user.path, timeout=0, check_same_thread=False, isolation_level=None
        )
        clock = user.database_time
        self._conn.create_function("julianday", 1, lambda _: JULIAN_1970 + clock() / DAY)
        self._tx = self
        user.open.append(self)

    @property
    def _conn(self) -> sqlite3.Connection:
        if not self._user.alive or self._connection is None:
            raise ProcessDead
        return self._connection

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level

    @property
    def in_transaction(self) -> bool:
        return self._connection is not None and self._connection.in_transaction

    def put_nowait(self, call: tuple[Any, Any]) -> None:
        """Run what aiosqlite hands to its thread."""
        future, function = call
        future.set_result(function())

    def cursor(self) -> "InlineCursor":
        return InlineCursor(self)

    async def execute(self, sql: str) -> None:
        """Execute BEGIN IMMEDIATE of the journal; wait for the lock as SQLite does."""
        until = self._user.monotonic() + LOCK_TIMEOUT
        await self._user.io("begin")
        while True:
            try:
                self._conn.execute(sql)
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or self._user.monotonic() > until:
                    raise
            await self._user.rest(0.05)

    async def commit(self) -> None:
        if self._conn.in_transaction:
            fail = await self._user.io("commit")
            self._conn.commit()
            await self._user.rest(0.002)
            if fail:
                raise sqlite3.OperationalError("disk I/O error")  # the commit has happened

    def rollback(self) -> "Finished":
        """Roll back at once: SQLAlchemy also calls it where nothing awaits the result."""
        if self._connection is not None and self._user.alive:
            self._connection.rollback()
        return Finished()

    async def create_function(self, *args: Any, **options: Any) -> None:
        self._conn.create_function(*args, **options)

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the connection; an open transaction is lost."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class InlineCursor:
    """A cursor of an InlineConnection."""

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
            return  # SQLite would wait in real time
        if not sql.startswith("PRAGMA"):
            await connection._user.io("call")
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
        raise ProcessDead
    return InlineConnection(process)


class Engines:
    """Creates an engine for each process; all engines share the compiled statements."""

    def __init__(self) -> None:
        self._first = open_engine(
            "sqlite+aiosqlite:///simulated", async_creator=_connect
        ).sync_engine

    def new(self) -> AsyncEngine:
        """Return an engine with its own connections."""
        first = self._first
        engine = Engine(first.pool.recreate(), first.dialect, first.url)
        event.listen(engine, "begin", begin_immediate)
        engine._compiled_cache = first._compiled_cache
        return AsyncEngine(engine)

"""SQLite for SQLAlchemy: connections that are durable, and that make few trips to the driver's thread.

SQLAlchemy makes four trips to it for one statement: open a cursor, execute, fetch, close. A trip takes
longer than most statements. These classes make one trip, or none, and no statement stays half read.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)
from sqlalchemy.exc import DBAPIError

BUSY_MILLISECONDS = 10_000
BUSY_PAUSE = 0.0005  # seconds between two looks whether another connection still writes
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_MILLISECONDS}",
    "foreign_keys=ON",
)


def prepare(connection: Any, _record: object) -> None:
    """Listener of `connect`: make the connection durable, and leave transactions to us."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(
        "SELECT count(*) FROM sqlite_master"
    )  # from now on it has its -wal and -shm open
    cursor.close()


def begin_immediate(connection: Connection) -> None:
    """Listener of `begin`: take the write lock, unless `Database.write` has it or this only reads."""
    # A deferred transaction that upgrades to a write fails at once, even with a busy timeout.
    adapted: Any = connection.connection.dbapi_connection
    if connection.get_execution_options().get(
        "alone"
    ):  # each statement is a transaction of its own
        return
    if not isinstance(adapted, OneTripConnection):
        adapted.run_async(lambda driver: driver.execute("BEGIN IMMEDIATE"))
    elif not adapted.driver.in_transaction:
        adapted.run_async(lambda _: adapted.begin())


def roll_back(connection: Any, _record: object, _error: BaseException | None) -> None:
    """Listener of `invalidate`: free the write lock before the connection is closed."""
    # SQLAlchemy closes the connection of a cancelled call. SQLite keeps a closed connection and its
    # lock on the file while a statement of it is half read, so no other connection could write.
    connection.run_async(_finish_rollback)


async def _finish_rollback(driver: Any) -> None:
    # Shielded: a second cancellation must not stop it. The connection is closed after it in any case.
    with suppress(asyncio.CancelledError):
        await asyncio.shield(driver.rollback())


def connect(
    check: Callable[[], object], dialect: Any, _record: object, arguments: Any, options: Any
) -> Any:
    """Listener of `do_connect` that returns a connection with one-trip cursors, after the `check`."""
    check()
    adapted = dialect.connect(*arguments, **options | {"check_same_thread": False})
    return OneTripConnection(adapted.dbapi, adapted._connection)  # noqa: SLF001 - no public way to it


@dataclass(frozen=True, slots=True)
class StatementResult:
    """The attributes of a cursor after its statement has finished."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class OneTripCursor(AsyncAdapt_aiosqlite_cursor):
    """A cursor that fetches all rows when it executes its statement."""

    __slots__ = ()
    _cursor: Any

    def _make_new_cursor(self, _connection: Any) -> Any:
        return StatementResult()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.execute, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _async_soft_close(self) -> None:
        """Do nothing: no cursor of the driver is open."""

    def close(self) -> None:
        """Drop the rows."""
        self._rows.clear()

    async def _run(self, method: Any, *arguments: Any) -> None:
        driver: Any = self._connection
        adapted: Any = self._adapt_connection
        if adapted.here:
            done = _execute_and_fetch(driver._conn, method, *arguments)  # noqa: SLF001 - as below
            self._cursor, self._rows = done
            return
        async with adapted._execute_mutex:  # noqa: SLF001 - as the one it replaces
            done = await driver._execute(_execute_and_fetch, driver._conn, method, *arguments)  # noqa: SLF001
        self._cursor, self._rows = done


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's connection to aiosqlite, with one-trip cursors.

    While it is `here`, statements run in the caller's thread.
    """

    __slots__ = ("here",)
    _cursor_cls = OneTripCursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.here = False

    @property
    def driver(self) -> sqlite3.Connection:
        """The connection of SQLite's driver, for statements in the caller's thread."""
        made: sqlite3.Connection = self._connection._conn  # noqa: SLF001 - no public way to it
        return made

    async def begin(self) -> None:
        """Begin a writing transaction, when no other connection writes."""
        if _has_begun(self.driver):
            return
        given_up = Event()
        try:
            await self._connection._execute(_begin_when_free, self.driver, given_up)  # noqa: SLF001 - waits in its thread
        except asyncio.CancelledError:
            given_up.set()
            raise

    async def end(self, dialect: Dialect) -> None:
        """Commit in the driver's thread, which waits for the disk."""
        try:
            await self._connection.commit()
        except sqlite3.Error as error:
            raise as_sqlalchemys(error, "COMMIT", (), dialect) from error

    def rollback(self) -> None:
        """Roll back, if there is anything: SQLAlchemy asks for it whenever it returns a connection."""
        self.here = False
        driver: sqlite3.Connection | None = self._connection._connection  # noqa: SLF001 - None: closed
        if driver is not None and driver.in_transaction:
            super().rollback()


def as_sqlalchemys(
    error: sqlite3.Error, sql: str, values: Sequence[Any], dialect: Dialect
) -> Exception:
    """The error that SQLAlchemy raises for this one of the driver."""
    return DBAPIError.instance(sql, list(values), error, sqlite3.Error, dialect=dialect)


def _has_begun(connection: sqlite3.Connection) -> bool:
    """Begin a writing transaction now; False if another connection is writing."""
    connection.execute("PRAGMA busy_timeout=0")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    return True


def _begin_when_free(connection: sqlite3.Connection, given_up: Event) -> None:
    """Begin when no other connection writes. SQLite looks again after up to 100 ms, and others win meanwhile."""
    until = monotonic() + BUSY_MILLISECONDS / 1_000
    while monotonic() < until and not given_up.is_set():
        if _has_begun(connection):
            return
        sleep(BUSY_PAUSE)
    if not given_up.is_set():
        connection.execute("BEGIN IMMEDIATE")  # waits once more, and raises why


def _execute_and_fetch(
    connection: sqlite3.Connection, method: Any, *arguments: Any
) -> tuple[StatementResult, deque[Any]]:
    cursor = connection.cursor()
    try:
        method(cursor, *arguments)
        rows = deque(cursor.fetchall() if cursor.description else ())
        return StatementResult(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()

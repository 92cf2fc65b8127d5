"""The drivers below SQLAlchemy, whose way to a statement or a commit takes longer than the database does.

Statements that are made once are run by the driver itself. SQLAlchemy makes four trips to the thread of
SQLite's driver for one of the others: open a cursor, execute, fetch, close. These classes make one, or
none if it concerns a few rows, and no statement stays half read.
"""

import asyncio
import sqlite3
from collections import deque, namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Event
from time import monotonic, sleep
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, exists, select, true
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

BUSY_MILLISECONDS = 10_000
BUSY_PAUSE = 0.0005  # seconds between two looks whether another connection still writes
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_MILLISECONDS}",
    "foreign_keys=ON",
)
FIRST_STATEMENTS = (
    *(f"PRAGMA {pragma}" for pragma in SQLITE_PRAGMAS),
    "SELECT count(*) FROM sqlite_master",  # from now on it has its -wal and -shm open
)


def prepare(connection: Any, _record: object) -> None:
    """Listener of `connect`: make the connection durable, and leave transactions to us."""
    if isinstance(connection, OneTripConnection):
        connection.run_async(lambda driver: driver._execute(_prepare, driver._conn))  # noqa: SLF001 - as below
        return
    connection.isolation_level = None
    cursor = connection.cursor()
    for statement in FIRST_STATEMENTS:
        cursor.execute(statement)
    cursor.close()


def _prepare(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None
    for statement in FIRST_STATEMENTS:
        connection.execute(statement).close()


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


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The SQL, its parameters' names in order and known values, and what makes a row of the values."""

    sql: str
    names: Sequence[str]
    known: Mapping[str, Any]
    row: Any
    converters: Sequence[tuple[int, Any]]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Any]:
        """The rows as SQLAlchemy gives them."""
        if not self.converters:
            return [self.row(*values) for values in found]
        converted = [list(values) for values in found]
        for values in converted:
            for at, convert in self.converters:
                values[at] = convert(values[at])
        return [self.row(*values) for values in converted]


@lru_cache(maxsize=256)
def _compiled(statement: Any, dialect: Dialect) -> _Compiled:
    made = statement.compile(dialect=dialect)
    columns = made._result_columns  # noqa: SLF001 - no other way
    names = [column.keyname for column in columns]
    # PostgreSQL's driver makes values of all the types that the schema has.
    kinds = [column.type.dialect_impl(dialect) for column in columns if dialect.name == "sqlite"]
    made_by = [kind.result_processor(dialect, None) for kind in kinds]
    converters = [(at, convert) for at, convert in enumerate(made_by) if convert is not None]
    row = namedtuple("row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known at run time only
    return _Compiled(str(made), made.positiontup or (), made.params, row, converters)


async def fetch(
    connection: AsyncConnection, statement: Any, parameters: Mapping[str, Any]
) -> Sequence[Any]:
    """The rows of a statement that is made once; all its values are those of the driver."""
    inner: Any = connection.sync_connection
    adapted = inner.connection.dbapi_connection
    lite = connection.dialect.name == "sqlite"
    if lite and not (isinstance(adapted, OneTripConnection) and adapted.here):
        result = await connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()
    made = _compiled(statement, connection.dialect)
    values = [parameters[name] if name in parameters else made.known[name] for name in made.names]
    for listener in inner.dispatch.before_cursor_execute:
        listener(inner, None, made.sql, values, None, False)
    return made.rows(
        _on_sqlite(connection, adapted, made.sql, values)
        if lite
        else await _on_postgresql(connection, adapted, made.sql, values)
    )


def _on_sqlite(
    connection: AsyncConnection, adapted: OneTripConnection, sql: str, values: Sequence[Any]
) -> list[Any]:
    try:
        return adapted.driver.execute(sql, values).fetchall()
    except sqlite3.Error as error:
        raise as_sqlalchemys(error, sql, values, connection.dialect) from error


async def _on_postgresql(
    connection: AsyncConnection, adapted: Any, sql: str, values: Sequence[Any]
) -> list[Any]:
    try:
        if adapted._transaction is None:  # noqa: SLF001 - as SQLAlchemy's cursor, before each statement
            await adapted._start_transaction()  # noqa: SLF001
        found: list[Any] = await adapted.driver_connection.fetch(sql, *values)
    except BaseException as error:
        # Also if it is cancelled: a connection that was interrupted must not be used again.
        await connection.run_sync(_fail, adapted, error, sql, values)
        raise
    return found


def _fail(inner: Any, adapted: Any, error: BaseException, sql: str, values: Sequence[Any]) -> None:
    """Raise SQLAlchemy's error for this one, and drop a connection that is lost, as SQLAlchemy does."""
    try:
        if isinstance(error, Exception):
            adapted._handle_exception(error)  # noqa: SLF001 - it knows the errors of the driver
        raise error  # noqa: TRY301 - SQLAlchemy looks which error is being handled
    except BaseException as translated:  # noqa: BLE001 - it is raised
        inner._handle_dbapi_exception(translated, sql, values, None, None)  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements of one commit; the second, made with a condition, follows if the first has a row."""

    first: Any
    then: Any
    in_one: Any


def pair(first: Any, then: Callable[[ColumnElement[bool]], Any]) -> Pair:
    """The statements `first`, which returns rows, and `then`, which gets the condition for its WHERE clause."""
    done = first.cte("done")
    in_one = select(done).add_cte(then(exists(select(done))).cte("after"))
    return Pair(first, then(true()), in_one)

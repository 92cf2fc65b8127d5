"""The journal's database: SQLite on this host, or PostgreSQL. Engines, transactions, migrations."""

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

from sqlalchemy import Connection, Double, Engine, event, text
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.journal import checkpoints
from agents.runtime.journal.migrating import is_current, upgrade_schema
from agents.runtime.metrics import COMMIT_SECONDS, COMMITS, JOURNAL_ERRORS
from agents.runtime.telemetry import current_work, get_logger
from agents.runtime.tracing import timing

log = get_logger(__name__)

BUSY_MILLISECONDS = 10_000
BUSY_PAUSE = 0.0005  # seconds between two looks whether another connection still writes
SQLITE_CONNECTIONS = 15  # kept: to open one more for a read is a thread that starts and ends
FEW_ROWS = (
    256  # a millisecond or two; a trip to the driver's thread takes longer where both threads work
)
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_MILLISECONDS}",
    "foreign_keys=ON",
)
# Time-outs in seconds: without them a call to a server that vanished ends after hours. Sequential scans
# are off, and a plan is made for each call: one that was made while a table was empty reads all of it later.
POSTGRESQL_OPTIONS: dict[str, Any] = {
    "timeout": 5.0,
    "command_timeout": 30.0,
    "server_settings": {
        "enable_seqscan": "off",
        "plan_cache_mode": "force_custom_plan",
        # A process that stands still within a transaction must not keep its locks from others.
        "idle_in_transaction_session_timeout": "10000",
    },
}
RECONNECT_SECONDS = 30.0  # how long a database that cannot be reached is tried
RECONNECT_PAUSE = 0.5
MIGRATION_LOCK = 0x61666C6F7773  # any number that all processes share


class _DatabaseClock(FunctionElement[float]):
    type = Double()
    inherit_cache = True


@cache
def now() -> FunctionElement[float]:
    """SQL: seconds since 1970 by the database's clock, which decides about leases and deadlines."""
    return _DatabaseClock()  # always the same object, so that statements made with it can be cached


@compiles(_DatabaseClock, "sqlite")
def _sqlite_now(_element: _DatabaseClock, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_DatabaseClock, "postgresql")
def _postgresql_now(_element: _DatabaseClock, _compiler: Any, **_: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::float8"


class JournalLost(AgentError):
    """The path of the journal leads to other files than those that this process has open."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"the journal {self.path} was deleted, moved or replaced while this process used it, so it "
            "stopped before its next effect: stop the other processes of this journal, put the file and "
            "its -wal file back, and run the command again; after you restored a backup, run "
            "`uv run python -m flows.operations reconcile` first"
        )


class JournalFile:
    """The file of a journal on SQLite, which a running process must not lose.

    A process that went on would write to a file that nobody finds again. Committed data may be in the
    files -wal and -shm too, which stay while a connection is open. Source: "How To Corrupt An SQLite
    Database File", https://sqlite.org/howtocorrupt.html, sections 2.4 and 4.
    """

    def __init__(self, path: str) -> None:
        self._paths = tuple(path + end for end in ("", "-wal", "-shm"))
        self._files: tuple[Identity | None, ...] = ()
        self._connections = 0
        self._checkpoints = checkpoints.Checkpoints(Path(path))

    def check(self) -> None:
        """Raise JournalLost if the path leads to another file than the one that was opened."""
        if self._files and _identity(self._paths[0]) != self._files[0]:
            raise JournalLost(Path(self._paths[0]))

    def check_all(self) -> None:
        """As `check`, for the three files that open connections share."""
        if not self._connections:
            self.check()
        elif tuple(map(_identity, self._paths)) != self._files:
            raise JournalLost(Path(self._paths[0]))

    def watch(self, engine: Engine) -> None:
        """Check the files before each use of a connection and before each commit."""
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "close", self._closed)
        event.listen(engine, "checkout", lambda *_: self.check_all())
        event.listen(engine, "commit", self._committing)

    def _committing(self, _connection: object) -> None:
        self.check_all()
        if os.stat(self._paths[1]).st_size >= checkpoints.WAL_BYTES:  # noqa: PTH116 - as below
            self._checkpoints.want()

    def _connected(self, _connection: object, _record: object) -> None:
        self._connections += 1
        self._files = tuple(map(_identity, self._paths))

    def _closed(self, _connection: object, _record: object) -> None:
        self._connections -= 1
        if not self._connections:
            self._checkpoints.close()


Identity = tuple[int, int]


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - quicker than Path.stat, and each commit calls it thrice
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Database:
    """Short transactions on one engine. On SQLite a writing one takes the write lock when it begins."""

    def __init__(
        self, url: str, engine: AsyncEngine | None = None, file: JournalFile | None = None
    ) -> None:
        self._url, self.file = url, file or _file_of(url)
        self.engine = engine or open_engine(url, self.file)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._write_lock: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else nullcontext()
        )
        alone = {"alone": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reader = self.engine.execution_options(**alone)
        self._writer: AsyncConnection | None = None

    @asynccontextmanager
    async def write(self, rows: int | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durably committed when the block ends without an exception.

        If all its statements find their rows by keys, pass how many `rows` it concerns: on SQLite those
        of a few rows run in this thread, since a trip to the driver's thread takes longer than they do.
        """
        begun = perf_counter()
        with timing("journal write", current_work().within):
            async with self._write_lock, AsyncExitStack() as stack:
                yield await self._begin(stack, rows)
        COMMITS.inc()
        COMMIT_SECONDS.observe(perf_counter() - begun)

    async def _begin(self, stack: AsyncExitStack, rows: int | None) -> AsyncConnection:
        """Begin a transaction; retry for a while if the database cannot be reached."""
        until = clock().monotonic() + RECONNECT_SECONDS
        while True:
            try:
                connection = await self._connect(stack)
                _run_here(connection, rows)
                await stack.enter_async_context(connection.begin())
                return connection
            except (OperationalError, InterfaceError, sqlite3.OperationalError, OSError) as error:
                JOURNAL_ERRORS.inc()
                if clock().monotonic() > until:
                    raise
                log.warning("the journal cannot be reached, retrying", error=str(error))
                await asyncio.sleep(RECONNECT_PAUSE)

    async def _connect(self, stack: AsyncExitStack) -> AsyncConnection:
        """A connection to write with. The writers on SQLite take turns, and keep it until one fails."""
        if not self.is_sqlite:
            return await stack.enter_async_context(self.engine.connect())
        if self.file is not None:
            self.file.check_all()
        if self._writer is None:
            self._writer = await self.engine.connect()
        stack.push_async_exit(self._drop_if_failed)
        return self._writer

    async def _drop_if_failed(self, _kind: object, error: object, _trace: object) -> None:
        if error is not None:
            await self._drop_writer()

    async def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    @asynccontextmanager
    async def read(self, rows: int | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection for reading statements, each of which is a transaction of its own.

        For `rows` see `write`.
        """
        async with self._reader.connect() as connection:
            _run_here(connection, rows)
            yield connection

    async def migrate(self) -> None:
        """Upgrade the schema to the newest revision; several processes may call this at once."""
        async with self._write_lock, self.engine.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK}
                )
            await connection.run_sync(upgrade_schema)

    async def is_current(self) -> bool:
        """Whether the schema is that of this release, or of a newer one, beside which this one works."""
        async with self.read() as connection:
            return await connection.run_sync(is_current)

    def again(self) -> "Database":
        """The same database for another event loop."""
        return Database(self._url, file=self.file)

    def check_file(self) -> None:
        """Raise JournalLost if this is SQLite and the journal's file is no longer there."""
        if self.file is not None:
            self.file.check()

    async def close(self) -> None:
        """Close all connections."""
        await self._drop_writer()
        await self.engine.dispose()


def _run_here(connection: AsyncConnection, rows: int | None) -> None:
    """Have the statements on SQLite run in this thread if they concern a few rows."""
    made = connection.sync_connection
    assert made is not None
    made.execution_options(here=rows is not None and rows <= FEW_ROWS)


def _file_of(url: str) -> JournalFile | None:
    parsed = make_url(url) if url else None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return JournalFile(parsed.database)


def open_engine(url: str, file: JournalFile | None = None, **options: Any) -> AsyncEngine:
    """An engine for this URL with the journal's settings; `options` are passed to SQLAlchemy.

    With a `file`, connections to it raise JournalLost when it is lost.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_async_engine(parsed, **({"connect_args": POSTGRESQL_OPTIONS} | options))
        event.listen(engine.sync_engine, "checkout", _ping)
        return engine
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    pool = {"pool_size": SQLITE_CONNECTIONS, "max_overflow": 0} if parsed.database else {}
    engine = create_async_engine(parsed, **(pool | options))
    if "async_creator" not in options:  # a caller with its own driver has cursors of its own
        event.listen(engine.sync_engine, "do_connect", partial(connect, file))
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    event.listen(engine.sync_engine, "invalidate", _roll_back)
    if file is not None:
        file.watch(engine.sync_engine)
    return engine


def _ping(connection: Any, _record: object, _proxy: object) -> None:
    """Before a connection to PostgreSQL is used, have the pool replace it if it is broken.

    SQLAlchemy's own test, `pool_pre_ping`, takes three round trips, since it is a transaction.
    """
    from asyncpg import InterfaceError as Unusable  # noqa: PLC0415 - loaded where it is used
    from asyncpg import PostgresError  # noqa: PLC0415 - the same

    try:
        connection.run_async(lambda driver: driver.execute("SELECT 1"))
    except (PostgresError, Unusable, OSError) as error:
        raise InvalidatePoolError from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (*SQLITE_PRAGMAS, f"wal_autocheckpoint={checkpoints.BACKSTOP_PAGES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute(
        "SELECT count(*) FROM sqlite_master"
    )  # from now on it has its -wal and -shm open
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that upgrades to a write fails at once, even with a busy timeout.
    options = connection.get_execution_options()
    adapted: Any = connection.connection.dbapi_connection
    one_trip = isinstance(adapted, OneTripConnection)
    if one_trip:
        adapted.here = options.get("here", False)
    if options.get("alone"):  # each statement is a transaction of its own
        return
    if not one_trip:
        adapted.run_async(lambda driver: driver.execute("BEGIN IMMEDIATE"))
    elif not _has_begun(adapted._connection._conn):  # noqa: SLF001 - as OneTripCursor
        adapted.run_async(lambda driver: driver._execute(_begin_when_free, driver._conn))  # noqa: SLF001


def _roll_back(connection: Any, _record: object, _error: BaseException | None) -> None:
    # SQLAlchemy closes the connection of a cancelled call. SQLite keeps a closed connection and its
    # lock on the file while a statement of it is half read, so no other connection could write.
    connection.run_async(_finish_rollback)


async def _finish_rollback(driver: Any) -> None:
    # Shielded: a second cancellation must not stop it. The connection is closed after it in any case.
    with suppress(asyncio.CancelledError):
        await asyncio.shield(driver.rollback())


# SQLAlchemy makes four trips to the thread of SQLite's driver for one statement: open a cursor,
# execute, fetch, close. A trip takes longer than most statements. These classes make one trip, and no
# statement stays half read.


def connect(
    file: JournalFile | None, dialect: Any, _record: object, arguments: Any, options: Any
) -> Any:
    """Listener of `do_connect` that returns a connection with one-trip cursors."""
    if file is not None:
        file.check_all()  # SQLite would create a file that is missing
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

    def rollback(self) -> None:
        """Roll back, if there is anything: SQLAlchemy asks for it whenever it returns a connection."""
        driver: sqlite3.Connection | None = self._connection._connection  # noqa: SLF001 - None: closed
        if driver is not None and driver.in_transaction:
            super().rollback()


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


def _begin_when_free(connection: sqlite3.Connection) -> None:
    """Begin when no other connection writes. SQLite looks again after up to 100 ms, and others win meanwhile."""
    until = monotonic() + BUSY_MILLISECONDS / 1_000
    while monotonic() < until:
        if _has_begun(connection):
            return
        sleep(BUSY_PAUSE)
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

"""The journal's database: SQLite on this host, or PostgreSQL. Engines, transactions, migrations."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from functools import cache, partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from sqlalchemy import Double, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.journal import checkpoints, quick
from agents.runtime.journal.migrating import is_current, upgrade_schema
from agents.runtime.journal.quick import OneTripConnection, Pair, fetch
from agents.runtime.metrics import COMMIT_SECONDS, COMMITS, JOURNAL_ERRORS
from agents.runtime.telemetry import current_work, get_logger
from agents.runtime.tracing import timing

log = get_logger(__name__)

SQLITE_CONNECTIONS = 15  # kept: to open one more for a read is a thread that starts and ends
IDLE_READERS = 4
FEW_ROWS = 256  # they take 1 or 2 ms; a trip to the driver's thread as long, if both threads work
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
UNASKED_SECONDS = 0.5  # a connection that was used so lately is not asked whether it works
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
        event.listen(engine, "commit", lambda _: self.before_commit())

    def before_commit(self) -> None:
        """Check the files, and have a checkpoint made beside the commits that come, if the log is long."""
        self.check_all()
        if os.stat(self._paths[1]).st_size >= checkpoints.WAL_BYTES:  # noqa: PTH116 - as below
            self._checkpoints.want()

    def _connected(self, connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA wal_autocheckpoint={checkpoints.BACKSTOP_PAGES}")
        cursor.close()
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
        self._idle: list[tuple[AsyncConnection, float]] = []

    @asynccontextmanager
    async def write(
        self, rows: int | None = None, *, single: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durably committed when the block ends without an exception.

        If all its statements find their rows by keys, pass how many `rows` it concerns: on SQLite those
        of a few rows run in this thread, since a trip to the driver's thread takes longer than they do.
        With a `single` statement on PostgreSQL, that is the transaction: it is committed when it ends,
        without round trips for BEGIN and COMMIT.
        """
        begun = perf_counter()
        with timing("journal write", current_work().within):
            async with self._write_lock, AsyncExitStack() as stack:
                yield await self._begin(stack, rows, single=single)
        COMMITS.inc()
        COMMIT_SECONDS.observe(perf_counter() - begun)

    async def _begin(
        self, stack: AsyncExitStack, rows: int | None, *, single: bool
    ) -> AsyncConnection:
        """Begin a transaction; retry for a while if the database cannot be reached."""
        until = clock().monotonic() + RECONNECT_SECONDS
        while True:
            try:
                if self.is_sqlite:
                    return await self._begin_on_sqlite(stack, rows)
                if single:
                    return await stack.enter_async_context(self.read())
                connection = await stack.enter_async_context(self.engine.connect())
                await stack.enter_async_context(connection.begin())
                return connection
            except (OperationalError, InterfaceError, sqlite3.OperationalError, OSError) as error:
                JOURNAL_ERRORS.inc()
                if clock().monotonic() > until:
                    raise
                log.warning("the journal cannot be reached, retrying", error=str(error))
                await asyncio.sleep(RECONNECT_PAUSE)

    async def _begin_on_sqlite(self, stack: AsyncExitStack, rows: int | None) -> AsyncConnection:
        """Begin with the connection that writes. Writers take turns, and keep it until one fails.

        Without SQLAlchemy, whose way to BEGIN and COMMIT takes as long as the statements between them.
        It begins on its own what it is given to execute.
        """
        if self.file is not None:
            self.file.check_all()
        if self._writer is None:
            self._writer = await self.engine.connect()
        _run_here(self._writer, rows)
        try:
            if (driver := _one_trip(self._writer)) is not None:
                await driver.begin()
            else:
                await self._writer.begin()
        except BaseException:
            await self._writer.invalidate()  # it may begin still, in its thread
            await self._drop_writer()
            raise
        stack.push_async_exit(self._end_on_sqlite)
        return self._writer

    async def _end_on_sqlite(self, _kind: object, error: object, _trace: object) -> None:
        writer = self._writer
        assert writer is not None
        if error is not None:
            await self._drop_writer()
            return
        try:
            if (driver := _one_trip(writer)) is None or writer.in_transaction():
                await writer.commit()
                return
            if self.file is not None:
                self.file.before_commit()
            await driver.end(writer.dialect)
        except BaseException:
            await self._drop_writer()
            raise

    async def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    @asynccontextmanager
    async def read(self, rows: int | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection for reading statements, each of which is a transaction of its own.

        For `rows` see `write`.
        """
        async with AsyncExitStack() as stack:
            connection = await self._idle_reader() or await self._reader.connect()
            stack.push_async_exit(connection)
            _run_here(connection, rows)
            yield connection
            if connection.in_transaction():  # for SQLAlchemy, which begins one with each statement
                await connection.rollback()
            if len(self._idle) < IDLE_READERS and not connection.invalidated:
                self._idle.append((connection, monotonic()))
                stack.pop_all()

    async def _idle_reader(self) -> AsyncConnection | None:
        """A connection that `read` used a moment ago: the pool takes longer to give one than most statements.

        Others go back to the pool, which tests them before it gives them again.
        """
        if self.file is not None:
            self.file.check_all()
        while self._idle:
            connection, used = self._idle.pop()
            made: Any = connection.sync_connection
            is_open = self.is_sqlite or not made.connection.driver_connection.is_closed()
            if is_open and monotonic() - used < UNASKED_SECONDS:
                return connection
            await connection.close()
        return None

    async def write_pair(self, both: Pair, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Commit both statements, about one row each; returns the rows of the first.

        PostgreSQL takes them in one round trip. SQLite has no statement that writes to two tables.
        """
        async with self.write(rows=1, single=True) as connection:
            if not self.is_sqlite:
                return await fetch(connection, both.in_one, parameters)
            if found := await fetch(connection, both.first, parameters):
                await fetch(connection, both.then, parameters)
            return found

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
        while self._idle:
            await self._idle.pop()[0].close()
        await self.engine.dispose()


def _one_trip(connection: AsyncConnection) -> OneTripConnection | None:
    """The connection to SQLite, if it is ours: a caller of `open_engine` may have its own driver."""
    made: Any = connection.sync_connection
    adapted = made.connection.dbapi_connection
    return adapted if isinstance(adapted, OneTripConnection) else None


def _run_here(connection: AsyncConnection, rows: int | None) -> None:
    """Have the statements on SQLite run in this thread if they concern a few rows."""
    if (adapted := _one_trip(connection)) is not None:
        adapted.here = rows is not None and rows <= FEW_ROWS


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
        event.listen(engine.sync_engine, "checkin", _returned)
        event.listen(engine.sync_engine, "checkout", _test)
        return engine
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    pool = {"pool_size": SQLITE_CONNECTIONS, "max_overflow": 0} if parsed.database else {}
    engine = create_async_engine(parsed, **(pool | options))
    if "async_creator" not in options:  # a caller with its own driver has cursors of its own
        check = file.check_all if file is not None else nullcontext  # SQLite would create it
        event.listen(engine.sync_engine, "do_connect", partial(quick.connect, check))
    event.listen(engine.sync_engine, "connect", quick.prepare)
    event.listen(engine.sync_engine, "begin", quick.begin_immediate)
    event.listen(engine.sync_engine, "invalidate", quick.roll_back)
    if file is not None:
        file.watch(engine.sync_engine)
    return engine


def _returned(_connection: object, record: Any) -> None:
    record.info["returned"] = monotonic()


def _test(connection: Any, record: Any, _proxy: object) -> None:
    """Before a connection to PostgreSQL is used, have the pool replace it if it is broken.

    SQLAlchemy's own test, `pool_pre_ping`, takes three round trips, since it is a transaction. One that
    was used a moment ago is not asked: the driver knows when a server has ended.
    """
    from asyncpg import InterfaceError as Unusable  # noqa: PLC0415 - loaded where it is used
    from asyncpg import PostgresError  # noqa: PLC0415 - the same

    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
    if monotonic() - record.info.get("returned", 0.0) < UNASKED_SECONDS:
        return
    try:
        connection.run_async(lambda driver: driver.execute("SELECT 1"))
    except (PostgresError, Unusable, OSError) as error:
        raise InvalidatePoolError from error

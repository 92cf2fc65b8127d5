"""One database behind the journal: SQLite on this host or PostgreSQL, opened and migrated."""

import asyncio
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
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Double, event, text
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from agents.runtime.clock import clock
from agents.runtime.telemetry import COMMITS, get_logger

log = get_logger(__name__)

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "foreign_keys=ON",
)
# Seconds: a server that is gone without a word would be waited for until the kernel gives up, in hours.
# A plan is kept that was made while a table was empty: it must not read the whole of it later.
POSTGRESQL_OPTIONS: dict[str, Any] = {
    "timeout": 5.0,
    "command_timeout": 30.0,
    "server_settings": {"enable_seqscan": "off"},
}
PATIENCE = 30.0  # seconds
PAUSE = 0.5
MIGRATION_LOCK = 0x61666C6F7773  # any number, the same for every process that migrates


class _Now(FunctionElement[float]):
    type = Double()
    inherit_cache = True


@cache
def now() -> FunctionElement[float]:
    """SQL: the database's clock in seconds since 1970. It decides about leases, not the caller's."""
    return _Now()  # always the same, so that what is built with it can be kept


@compiles(_Now, "sqlite")
def _sqlite_now(_element: _Now, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_Now, "postgresql")
def _postgresql_now(_element: _Now, _compiler: Any, **_: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::float8"


class Database:
    """Short transactions on one engine; a writing one is serialised from its first statement."""

    def __init__(self, url: str, engine: AsyncEngine | None = None) -> None:
        self.engine = engine or open_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._turn: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else nullcontext()
        )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed, durable, when the block ends without an exception."""
        async with self._turn, AsyncExitStack() as stack:
            yield await self._begin(stack)
        COMMITS.inc()

    async def _begin(self, stack: AsyncExitStack) -> AsyncConnection:
        """A new transaction; a database that is away for a moment is waited for."""
        until = clock().monotonic() + PATIENCE
        while True:
            try:
                return await stack.enter_async_context(self.engine.begin())
            except (OperationalError, InterfaceError, sqlite3.OperationalError, OSError) as error:
                if clock().monotonic() > until:
                    raise
                log.warning("the journal cannot be reached, trying again", error=str(error))
                await asyncio.sleep(PAUSE)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for single reading statements."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def migrate(self) -> None:
        """Bring the schema to the newest revision; many processes may do so at once."""
        async with self._turn, self.engine.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK}
                )
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


def open_engine(url: str, **options: Any) -> AsyncEngine:
    """The engine of that URL as the journal needs it; `options` go to SQLAlchemy."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        limited = {"connect_args": POSTGRESQL_OPTIONS, "pool_pre_ping": True}
        return create_async_engine(parsed, **(limited | options))
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(parsed, **options)
    if "async_creator" not in options:  # who brings a driver of his own has cursors for it
        event.listen(engine.sync_engine, "do_connect", connect)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    event.listen(engine.sync_engine, "invalidate", _roll_back)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that upgrades to a write fails at once, whatever the busy timeout.
    # Said to the driver itself: one trip to its thread instead of three.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        adapted: Any = connection.connection
        adapted.run_async(lambda driver: driver.execute("BEGIN IMMEDIATE"))


def _roll_back(connection: Any, _record: object, _error: BaseException | None) -> None:
    # A cancelled call makes SQLAlchemy close its connection, and SQLite keeps a closed one, with its
    # lock on the file, for as long as a statement of it is half read: nobody else could write.
    connection.run_async(_rolled_back)


async def _rolled_back(driver: Any) -> None:
    # Cancelled once more it is still done, and the connection is closed after it all the same.
    with suppress(asyncio.CancelledError):
        await asyncio.shield(driver.rollback())


def _upgrade(connection: Connection) -> None:
    # Nearly always there is nothing to do, and to find that out Alembic would load every migration.
    if MigrationContext.configure(connection).get_current_revision() != _newest():
        config = _migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_migrations()).get_current_head()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


# A statement costs one trip to the thread of SQLite's driver instead of four, and a trip takes longer
# than most statements: SQLAlchemy makes one each to open a cursor, to execute, to read and to close it.
# Here all of that is one trip, and no statement stays half read.


def connect(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    """Listens to an engine's `do_connect`: SQLAlchemy's connection with our cursors."""
    adapted = dialect.connect(*arguments, **options)
    return OneTripConnection(adapted.dbapi, adapted._connection)  # noqa: SLF001 - there is no other way


@dataclass(frozen=True, slots=True)
class StatementResult:
    """What a finished statement says of itself, as the attributes of a cursor."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class OneTripCursor(AsyncAdapt_aiosqlite_cursor):
    """All rows of a statement, read before anybody asks for them."""

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
        """Nothing is open."""

    def close(self) -> None:
        """Let go of the rows."""
        self._rows.clear()

    async def _run(self, method: Any, *arguments: Any) -> None:
        driver: Any = self._connection
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001 - as the one it replaces
            done = await driver._execute(_ran, driver._conn, method, *arguments)  # noqa: SLF001
        self._cursor, self._rows = done


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's connection with our cursors."""

    __slots__ = ()
    _cursor_cls = OneTripCursor


def _ran(
    connection: sqlite3.Connection, method: Any, *arguments: Any
) -> tuple[StatementResult, deque[Any]]:
    cursor = connection.cursor()
    try:
        method(cursor, *arguments)
        rows = deque(cursor.fetchall() if cursor.description else ())
        return StatementResult(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()

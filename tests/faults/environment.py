"""The environment of cells: a sandbox that all of them share, and an empty journal for each."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.journal.database import Database
from agents.runtime.journal.scheduling_schema import metadata
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from tests.databases import embedded_postgres
from tests.memory import new_folder

Kind = Literal["sqlite", "postgresql"]


class Journals(Protocol):
    """Provides empty, migrated journals."""

    def provide(self, folder: Path) -> AsyncIterator[str]:
        """Yield the URL of an empty journal; after that, take it back."""
        ...


class SqliteJournals:
    """SQLite journals: copies of one migrated file."""

    def __init__(self, template: Path) -> None:
        self._template = template
        self._migrating = asyncio.Lock()

    async def provide(self, folder: Path) -> AsyncIterator[str]:
        """Yield the URL of a new file in `folder`."""
        async with self._migrating:
            if not self._template.exists():
                await migrate(f"sqlite+aiosqlite:///{self._template}")
        journal = folder / "journal.db"
        shutil.copyfile(self._template, journal)
        yield f"sqlite+aiosqlite:///{journal}"


class PostgresqlJournals:
    """PostgreSQL journals: databases of one server that are emptied and reused."""

    def __init__(self, server: Any, url: str) -> None:
        self._server, self._url = server, url
        self._migrating = asyncio.Lock()  # the process has a single Alembic context
        self._free: list[str] = []
        self._numbers = count()

    async def provide(self, folder: Path) -> AsyncIterator[str]:
        """Yield the URL of an empty database; then close connections of killed processes and empty it."""
        url = self._free.pop() if self._free else await self._new()
        yield url
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        await _execute(
            url,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}",
            f"TRUNCATE {tables} RESTART IDENTITY CASCADE",
        )
        self._free.append(url)

    async def restart(self) -> None:
        """Stop the server immediately, as a crash does, and start it again."""
        command = ["-w", "-m", "immediate", "restart"]
        pg_ctl, user = embedded_postgres().pg_ctl, self._server.system_user
        await asyncio.to_thread(
            lambda: pg_ctl(command, pgdata=self._server.pgdata, user=user, timeout=20)
        )

    async def _new(self) -> str:
        name = f"journal{next(self._numbers)}"
        url = self._url.replace("/postgres?", f"/{name}?")
        async with self._migrating:
            await _execute(self._url, f"CREATE DATABASE {name}")
            await migrate(url)
        return url


class Environment:
    """The data folder of the sandbox, and the journals."""

    def __init__(self, home: Path, journals: Journals) -> None:
        self.data = home / "data"
        self._home, self._journals = home, journals
        self._numbers = count(1)

    async def restart_journals(self) -> None:
        """Restart the database server; every journal loses its connections."""
        assert isinstance(self._journals, PostgresqlJournals), "SQLite has no server"
        await self._journals.restart()

    @asynccontextmanager
    async def cell_folder(self) -> AsyncIterator[tuple[Path, str]]:
        """Create a folder and an empty journal for one cell."""
        folder = self._home / f"cell-{next(self._numbers)}"
        folder.mkdir()
        provided = self._journals.provide(folder)
        url = await anext(provided)
        try:
            yield folder, url
        finally:
            await anext(provided, None)
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_journals(kind: Kind) -> AsyncIterator[Journals]:
    """Open journals of one kind; for PostgreSQL, start a server."""
    home = new_folder("faults-")
    try:
        if kind == "sqlite":
            yield SqliteJournals(home / "template.db")
            return
        server = await asyncio.to_thread(
            lambda: embedded_postgres().get_server(home / "pg", cleanup_mode="stop")
        )
        url = server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
        # The tests kill processes, never the machine.
        await _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        try:
            yield PostgresqlJournals(server, url)
        finally:
            await asyncio.to_thread(server.cleanup)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def open_environment(journals: Journals) -> AsyncIterator[Environment]:
    """Open an environment; its sandbox runs as long as the block."""
    async with AsyncExitStack() as stack:
        home = new_folder("faults-")
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        environment = Environment(home, journals)
        await asyncio.to_thread(ensure_sandbox, environment.data)
        stack.push_async_callback(asyncio.to_thread, stop_sandbox, environment.data)
        yield environment


async def migrate(url: str) -> None:
    """Migrate a journal to the newest revision."""
    database = Database(url)
    await database.migrate()
    await database.close()


async def _execute(url: str, *statements: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()

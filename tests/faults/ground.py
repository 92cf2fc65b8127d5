"""Where cells are played: a running sandbox that many share, and an empty journal for each."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import metadata
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from tests.databases import embedded_postgres

Kind = Literal["sqlite", "postgresql"]
MEMORY = Path(
    "/dev/shm"
)  # a killed process loses nothing that the kernel has, so no disk is needed


class Journals(Protocol):
    """Hands out empty, migrated journals, each for as long as the block lasts."""

    def lend(self, folder: Path) -> AsyncIterator[str]:
        """The URL of one."""
        ...


class SqliteJournals:
    """Copies of one migrated file."""

    def __init__(self, template: Path) -> None:
        self._template = template
        self._one_by_one = asyncio.Lock()

    async def lend(self, folder: Path) -> AsyncIterator[str]:
        """A file of its own in `folder`."""
        async with self._one_by_one:
            if not self._template.exists():
                await migrate(f"sqlite+aiosqlite:///{self._template}")
        journal = folder / "journal.db"
        shutil.copyfile(self._template, journal)
        yield f"sqlite+aiosqlite:///{journal}"


class PostgresqlJournals:
    """Databases of one server, emptied and used again."""

    def __init__(self, server: Any, url: str) -> None:
        self._server, self._url = server, url
        self._one_by_one = asyncio.Lock()  # Alembic's context is one for the whole process
        self._free: list[str] = []
        self._numbers = count()

    async def lend(self, folder: Path) -> AsyncIterator[str]:
        """A database; what dead processes still have open there is closed first."""
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
        """Stop the server at once, as a crash would, and start it again."""
        command = ["-w", "-m", "immediate", "restart"]
        pg_ctl, user = embedded_postgres().pg_ctl, self._server.system_user
        await asyncio.to_thread(
            lambda: pg_ctl(command, pgdata=self._server.pgdata, user=user, timeout=20)
        )

    async def _new(self) -> str:
        name = f"journal{next(self._numbers)}"
        url = self._url.replace("/postgres?", f"/{name}?")
        async with self._one_by_one:
            await _execute(self._url, f"CREATE DATABASE {name}")
            await migrate(url)
        return url


class Ground:
    """The providers' data folder, and journals."""

    def __init__(self, home: Path, journals: Journals) -> None:
        self.data = home / "data"
        self._home, self._journals = home, journals
        self._numbers = count(1)

    async def restart_journals(self) -> None:
        """Restart the server of the journals, all of which notice."""
        assert isinstance(self._journals, PostgresqlJournals), "SQLite has no server"
        await self._journals.restart()

    @asynccontextmanager
    async def plot(self) -> AsyncIterator[tuple[Path, str]]:
        """A folder and an empty journal for one cell."""
        folder = self._home / f"cell-{next(self._numbers)}"
        folder.mkdir()
        lent = self._journals.lend(folder)
        url = await anext(lent)
        try:
            yield folder, url
        finally:
            await anext(lent, None)
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def open_journals(kind: Kind) -> AsyncIterator[Journals]:
    """Journals of one kind; for PostgreSQL a server of its own."""
    home = new_folder()
    try:
        if kind == "sqlite":
            yield SqliteJournals(home / "template.db")
            return
        server = await asyncio.to_thread(
            lambda: embedded_postgres().get_server(home / "pg", cleanup_mode="stop")
        )
        url = server.get_uri().replace("postgresql://", "postgresql+asyncpg://")
        # Processes are killed here, never the machine.
        await _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        try:
            yield PostgresqlJournals(server, url)
        finally:
            await asyncio.to_thread(server.cleanup)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def open_ground(journals: Journals) -> AsyncIterator[Ground]:
    """A ground with a sandbox that runs as long as the block does."""
    async with AsyncExitStack() as stack:
        home = new_folder()
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        ground = Ground(home, journals)
        await asyncio.to_thread(ensure_sandbox, ground.data)
        stack.push_async_callback(asyncio.to_thread, stop_sandbox, ground.data)
        yield ground


def new_folder() -> Path:
    """A folder in memory if there is such a place; a database server may run as another user."""
    where = MEMORY if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    home = Path(tempfile.mkdtemp(prefix="faults-", dir=where))
    home.chmod(0o755)
    return home


async def migrate(url: str) -> None:
    """Bring a journal to the newest revision."""
    database = Database(url)
    await database.migrate()
    await database.close()


async def _execute(url: str, *statements: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()

"""One schema on both databases, migrated by many processes at once and written by many at once."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select, text, update

from agents.runtime.context import Runtime
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import metadata
from agents.runtime.journal.migrating import MIGRATIONS, NewerJournal, revisions
from agents.runtime.journal.schema import items, owners
from agents.runtime.metrics import COMMITS

ROOT = Path(__file__).resolve().parents[4]


async def test_the_migrations_lead_to_the_schema_of_the_code(opened: Runtime) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with opened.journal.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_an_extra_column_is_detected(opened: Runtime) -> None:
    def differences(connection: Connection) -> int:
        connection.execute(text("ALTER TABLE owners ADD COLUMN extra INTEGER"))
        return len(compare_metadata(MigrationContext.configure(connection), metadata))

    async with opened.journal.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == 1


async def test_now_is_the_clock_of_the_database_in_seconds(opened: Runtime) -> None:
    async with opened.journal.database.read() as connection:
        first = await connection.scalar(select(now()))
        await asyncio.sleep(0.05)
        second = await connection.scalar(select(now()))
        assert 0.01 < second - first < 5  # type: ignore[operator]  # never NULL


@pytest.mark.slow
async def test_a_cancelled_transaction_never_keeps_its_lock(opened: Runtime) -> None:
    """A closed SQLite connection keeps its lock while a statement of it is half read."""

    async def write_until_cancelled(writing: asyncio.Event) -> float:
        try:
            while True:
                async with opened.journal.database.write() as connection:
                    writing.set()
                    await connection.execute(update(owners).values(pid=1).returning(owners))
        except asyncio.CancelledError:
            begun = time.monotonic()
            async with opened.journal.database.write() as connection:
                await connection.execute(update(owners).values(pid=2))
            return time.monotonic() - begun

    for hundredths in range(100):
        writing = asyncio.Event()
        writer = asyncio.create_task(write_until_cancelled(writing))
        await writing.wait()
        await asyncio.sleep(hundredths / 10_000)
        writer.cancel()
        assert await writer < 5


async def test_a_failed_transaction_is_rolled_back(opened: Runtime) -> None:
    class Interrupted(Exception):
        pass

    async def write() -> None:
        async with opened.journal.database.write() as connection:
            await connection.execute(owners.delete())
            raise Interrupted

    before = COMMITS._value.get()
    with pytest.raises(Interrupted):
        await write()
    assert COMMITS._value.get() == before
    async with opened.journal.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(owners)) == 1


async def test_sqlite_is_durable_and_waits_for_other_writers(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with database.read() as connection:
        found = [
            await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    await database.close()
    assert found == ["wal", 2, 10_000, 1]


async def test_writing_transactions_are_serialised(sqlite_url: str) -> None:
    """Two transactions that read and then write must run one after the other, or one is lost."""
    first, second = Database(sqlite_url), Database(sqlite_url)
    await first.migrate()

    async def add(database: Database) -> None:
        for _ in range(20):
            async with database.write() as connection:
                count = await connection.scalar(select(func.count()).select_from(owners))
                row = {"id": f"o{count}", "host": "h", "pid": 1, "lease": 1.0, "beat_at": 0.0}
                await connection.execute(owners.insert(), row)

    await asyncio.gather(add(first), add(second))
    async with first.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(owners)) == 40
    await first.close()
    await second.close()


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.slow
def test_four_processes_migrate_at_once_and_claim_each_item_once(
    sqlite_url: str, processes: ExitStack
) -> None:
    path = sqlite_url.removeprefix("sqlite+aiosqlite:///")
    Path(path).unlink()
    count, children = 200, []
    for seed in range(4):
        command = [sys.executable, "-m", "tests.agents.runtime.journal.child"]
        child = subprocess.Popen(
            [*command, sqlite_url, str(count), str(seed)],
            cwd=ROOT,
            stdin=PIPE,
            stdout=PIPE,
            text=True,
        )
        processes.enter_context(child)
        processes.callback(child.kill)
        children.append(child)
    claimed: list[str] = []
    for child in children:
        assert child.stdout is not None
        while (line := child.stdout.readline().strip()) != "done":
            assert line, "a process ended before it was done"
            claimed.append(line)
    assert len(claimed) == len(set(claimed)) == count
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT count(*), max(deaths) FROM items").fetchone()
    assert found == (count, 0)


async def test_many_processes_migrate_an_empty_postgresql_at_once(postgresql_url: str) -> None:
    databases = [Database(postgresql_url) for _ in range(4)]
    async with databases[0].write() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await asyncio.gather(*(database.migrate() for database in databases))
    async with databases[0].read() as connection:
        assert await connection.scalar(select(func.count()).select_from(items)) == 0
    for database in databases:
        await database.close()


async def test_a_journal_of_a_newer_release_is_refused_and_stays_as_it_is(journal_url: str) -> None:
    database = Database(journal_url)
    await database.migrate()
    revision = text("SELECT version_num FROM alembic_version")
    async with database.write() as connection:
        before = await connection.scalar(revision)
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(
            NewerJournal, match=f"schema 9999, and this release knows {before} at most"
        ):
            await database.migrate()
        async with database.write() as connection:
            assert await connection.scalar(revision) == "9999"
    finally:  # other tests use a database on PostgreSQL again
        async with database.write() as connection:
            await connection.execute(text(f"UPDATE alembic_version SET version_num = '{before}'"))
        await database.close()


def test_the_numbers_of_the_migrations_files_are_alembics_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(reversed([one.revision for one in scripts.walk_revisions()])) == revisions()
    assert scripts.get_current_head() == revisions()[-1]

"""The log of SQLite stays short while connections write in turn, and no thread outlives them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.runtime.journal import checkpoints
from agents.runtime.journal.database import Database

KILOBYTE = 1024


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """An empty table in a file whose checkpoints follow at once, and are full from 100 pages on."""
    monkeypatch.setattr(checkpoints, "WAL_BYTES", 1)
    monkeypatch.setattr(checkpoints, "PAUSE", 0.001)
    monkeypatch.setattr(checkpoints, "FULL_PAGES", 100)
    opened = Database(f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}")
    async with opened.write() as connection:
        await connection.execute(text("CREATE TABLE notes (body)"))
    yield opened
    await opened.close()


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "checkpoints"]


async def test_the_log_stays_short_while_commits_follow_each_other(
    database: Database, tmp_path: Path
) -> None:
    """Without checkpoints 400 commits of 40 kB make a log of 16 MB."""
    other = database.again()  # its commits come between a checkpoint and the next one too
    for _ in range(200):
        for each in (database, other):
            async with each.write() as connection:
                await connection.execute(
                    text(f"INSERT INTO notes VALUES (zeroblob({40 * KILOBYTE}))")
                )
    assert (tmp_path / "journal.db-wal").stat().st_size < 8_000 * KILOBYTE
    await other.close()


async def test_the_last_connection_ends_the_thread_and_empties_the_log(
    database: Database, tmp_path: Path
) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO notes VALUES (1)"))
    assert len(running()) == 1
    await database.close()
    assert running() == []
    assert not (tmp_path / "journal.db-wal").exists()


async def test_a_request_to_end_is_not_lost_while_the_thread_forgets_the_last_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "PAUSE", 0.001)
    made = checkpoints.Checkpoints(tmp_path / "journal.db")
    forgetting, closed = threading.Event(), threading.Event()
    (tmp_path / "journal.db").touch()

    class Written(threading.Event):
        def set(self) -> None:
            super().set()
            if made._closing.is_set():
                closed.set()

        def clear(self) -> None:
            forgetting.set()
            closed.wait()
            super().clear()

    made._written = Written()
    made.want()
    async with asyncio.timeout(5):
        await asyncio.to_thread(forgetting.wait)
        await asyncio.to_thread(made.close)


async def test_a_small_log_needs_no_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.close()
    monkeypatch.setattr(checkpoints, "WAL_BYTES", 4_000 * KILOBYTE)
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO notes VALUES (1)"))
    assert running() == []

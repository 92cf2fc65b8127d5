"""A statement is one trip to SQLite's thread, or none if it is of a few rows, and no cursor stays open."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DBAPIError

from agents.runtime.journal import database as journal_database
from agents.runtime.journal import quick
from agents.runtime.journal.database import FEW_ROWS, Database
from agents.runtime.journal.quick import OneTripConnection


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that were sent to the thread."""
    import aiosqlite  # noqa: PLC0415 - SQLAlchemy loads it

    made: list[str] = []
    send: Any = aiosqlite.Connection._execute

    async def counted(self: Any, function: Any, *arguments: Any, **options: Any) -> Any:
        made.append(getattr(function, "__name__", repr(function)))
        return await send(self, function, *arguments, **options)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return made


async def test_a_statement_is_one_trip(sqlite_url: str, trips: list[str]) -> None:
    database = Database(sqlite_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)"))
        trips.clear()
        new = text("INSERT INTO t (b) VALUES ('x') RETURNING a, b")
        assert (await connection.execute(new)).all() == [(1, "x")]
        assert len(trips) == 1
        many = "INSERT INTO t (b) VALUES (?)"
        assert (await connection.exec_driver_sql(many, [("y",), ("z",)])).rowcount == 2
        assert len(trips) == 2
        assert (await connection.execute(text("SELECT b FROM t ORDER BY a"))).keys() == ["b"]
        changed = await connection.execute(text("UPDATE t SET b = 'w' WHERE a > 1"))
        assert changed.rowcount == 2
        assert len(trips) == 4
    await database.close()


async def test_only_the_commit_of_a_few_rows_is_a_trip(sqlite_url: str, trips: list[str]) -> None:
    """A read of many rows is one trip, since nothing is begun and nothing rolled back."""
    database = Database(sqlite_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
    for rows, made in ((FEW_ROWS, ["commit"]), (FEW_ROWS + 1, ["_execute_and_fetch", "commit"])):
        trips.clear()
        async with database.write(rows) as connection:
            await connection.execute(text("INSERT INTO t DEFAULT VALUES"))
        assert trips == made
    async with database.read() as connection:  # connects
        await connection.execute(text("SELECT 1"))
    for few, made in ((1, []), (None, ["_execute_and_fetch"])):
        trips.clear()
        async with database.read(few) as connection:
            assert await connection.scalar(text("SELECT count(*) FROM t")) == 2
        assert trips == made
    await database.close()


async def test_a_transaction_of_a_few_rows_waits_for_another_writer_beside_the_loop(
    sqlite_url: str,
) -> None:
    database = Database(sqlite_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))
    begun = asyncio.Event()

    async def insert() -> None:
        begun.set()
        async with database.write(rows=1) as connection:
            await connection.execute(text("INSERT INTO t DEFAULT VALUES"))

    with closing(
        sqlite3.connect(str(make_url(sqlite_url).database), isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        inserting = asyncio.create_task(insert())
        await begun.wait()
        done, _ = await asyncio.wait([inserting], timeout=0.1)
        assert not done
        other.execute("COMMIT")
    await asyncio.wait_for(inserting, 10)
    await database.close()


async def test_who_is_cancelled_while_it_waits_to_write_takes_no_lock_later(
    sqlite_url: str,
) -> None:
    database = Database(sqlite_url)
    await database.migrate()
    path = str(make_url(sqlite_url).database)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        for rows in (1, None):
            entering = asyncio.create_task(database.write(rows).__aenter__())
            await asyncio.sleep(0.05)
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
        other.execute("COMMIT")
        await database.close()
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")


async def test_what_a_failed_transaction_wrote_is_gone_and_the_next_one_is_whole(
    sqlite_url: str,
) -> None:
    database = Database(sqlite_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER PRIMARY KEY)"))

    async def insert_and_fail(error: type[BaseException]) -> None:
        async with database.write(rows=1) as connection:
            await connection.execute(text("INSERT INTO t DEFAULT VALUES"))
            raise error

    for error in (RuntimeError, asyncio.CancelledError):
        with pytest.raises(error):
            await insert_and_fail(error)
    async with database.write(rows=1) as connection:
        await connection.execute(text("INSERT INTO t DEFAULT VALUES"))
    async with database.read(rows=1) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM t")) == 1
    await database.close()


async def test_a_driver_error_becomes_sqlalchemys_and_its_statement_is_closed(
    sqlite_url: str,
) -> None:
    database = Database(sqlite_url)
    with pytest.raises(DBAPIError) as caught:
        async with database.write() as connection:
            await connection.execute(text("SELECT * FROM missing"))
    assert isinstance(caught.value.orig, sqlite3.OperationalError)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE missing (a INTEGER)"))
    await database.close()


async def test_the_engine_makes_one_trip_connections(sqlite_url: str) -> None:
    database, seen = Database(sqlite_url), list[Any]()
    event.listen(database.engine.sync_engine, "connect", lambda made, _: seen.append(made))
    async with database.read() as connection:
        await connection.execute(text("SELECT 1"))
    assert [type(made) for made in seen] == [OneTripConnection]
    await database.close()


async def test_who_waits_to_write_looks_again_soon(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own wait grows to a tenth of a second, in which others take the lock again and again."""
    path, pauses, refused = str(make_url(sqlite_url).database), list[float](), 3
    database = Database(sqlite_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (a INTEGER)"))
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == refused:
                writer.execute("COMMIT")

        monkeypatch.setattr(quick, "sleep", pause)
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
    assert pauses == [quick.BUSY_PAUSE] * refused
    await database.close()


async def test_who_waits_too_long_to_write_is_told_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "BUSY_MILLISECONDS", 5)
    monkeypatch.setattr(journal_database, "RECONNECT_SECONDS", 0.0)
    database = Database(sqlite_url)
    await database.migrate()
    with closing(sqlite3.connect(str(make_url(sqlite_url).database))) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            async with database.write():
                pytest.fail("two transactions write at once")
    await database.close()

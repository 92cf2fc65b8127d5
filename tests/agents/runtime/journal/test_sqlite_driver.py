"""Every statement is one trip to SQLite's thread, and no cursor stays open."""

import sqlite3
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from agents.runtime.journal.database import Database, OneTripConnection


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

"""What the driver runs itself gives the same rows and errors as through SQLAlchemy."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Text,
    bindparam,
    event,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from agents.runtime.journal.database import Database
from agents.runtime.journal.quick import fetch, pair
from agents.runtime.journal.schema import subscriptions
from agents.runtime.journal.statements import _move, _still_held, upsert
from agents.runtime.model.lifecycle import Event, State

NEW = insert(subscriptions).values(topic=bindparam("topic"), grp="g", since=1.5)
KNOWN = select(
    subscriptions.c.topic, subscriptions.c.since, (subscriptions.c.since > 1).label("known")
)
BACKEND = select(func.pg_backend_pid().label("pid"))
SLEEP = select(func.pg_sleep(30))
END = select(func.pg_terminate_backend(bindparam("pid", type_=Integer())))
FEW, MANY = 1, 100


@pytest.fixture
async def database(journal_url: str) -> AsyncIterator[Database]:
    found = Database(journal_url)
    await found.migrate()
    yield found
    await found.close()


@pytest.mark.parametrize("rows", [FEW, MANY])
async def test_rows_have_the_names_and_types_of_sqlalchemy(database: Database, rows: int) -> None:
    seen = list[str]()
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda *given: seen.append(given[2])
    )
    async with database.write(rows) as connection:
        assert not await fetch(connection, NEW, {"topic": "a"})
    async with database.read(rows) as connection:
        (row,) = await fetch(connection, KNOWN, {})
    assert (row.topic, row.since, row.known is True) == ("a", 1.5, True) == (*row[:2], row[2])
    assert len(seen) == 2, "what counts statements sees both"


@pytest.mark.parametrize("rows", [FEW, MANY])
async def test_an_error_is_that_of_sqlalchemy_and_nothing_is_written(
    database: Database, rows: int
) -> None:
    async def write_twice() -> None:
        async with database.write(rows) as connection:
            for _ in range(2):
                await fetch(connection, NEW, {"topic": "a"})

    with pytest.raises(IntegrityError):
        await write_twice()
    async with database.read(rows) as connection:
        assert list(await fetch(connection, KNOWN, {})) == []


async def test_the_second_of_a_pair_follows_if_the_first_has_a_row(database: Database) -> None:
    new = upsert(subscriptions, by_sqlite=database.is_sqlite).values(
        topic=bindparam("topic"), grp="g", since=1.5
    )
    both = pair(
        new.on_conflict_do_nothing().returning(subscriptions.c.topic),
        lambda is_new: (
            upsert(subscriptions, by_sqlite=database.is_sqlite)
            .from_select(["topic", "grp", "since"], _second(is_new))
            .on_conflict_do_update(index_elements=["topic", "grp"], set_={"since": 3.5})
        ),
    )
    assert len(await database.write_pair(both, {"topic": "a"})) == 1
    assert len(await database.write_pair(both, {"topic": "a"})) == 0
    async with database.read() as connection:
        found = (await connection.execute(select(subscriptions).order_by("grp"))).all()
    assert [(row.grp, row.since) for row in found] == [("g", 1.5), ("second", 2.5)]


def _second(is_new: ColumnElement[bool]) -> Any:
    topic = bindparam("topic", type_=Text())
    return select(topic, literal("second", Text()), literal(2.5, Double())).where(is_new)


async def test_a_call_that_is_cancelled_on_postgresql_gives_its_connection_up(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url)
    async with asyncio.timeout(10):
        async with database.read(FEW) as connection:
            (first,) = await fetch(connection, BACKEND, {})

        async def wait() -> None:
            async with database.write(FEW, single=True) as connection:
                await fetch(connection, SLEEP, {})

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with database.read(FEW) as connection:
            (other,) = await fetch(connection, BACKEND, {})
    assert first.pid != other.pid
    await database.close()


async def test_a_connection_that_the_server_ended_is_not_used_again(postgresql_url: str) -> None:
    """Also if it was used a moment ago, by a reader or in a transaction."""
    database = Database(postgresql_url)
    async with database.write(FEW) as writer, database.read(FEW) as reader:
        (mine,), (theirs,) = await fetch(writer, BACKEND, {}), await fetch(reader, BACKEND, {})

    async def end_both() -> None:
        async with database.read(FEW) as connection:
            for one in (mine, theirs):  # the second is its own
                await fetch(connection, END, {"pid": one.pid})

    with pytest.raises(DBAPIError) as caught:
        await end_both()
    assert caught.value.connection_invalidated
    async with database.write(FEW) as writer, database.read(FEW) as reader:
        found = await fetch(writer, BACKEND, {}), await fetch(reader, BACKEND, {})
    assert not {row.pid for rows in found for row in rows} & {mine.pid, theirs.pid}
    await database.close()


def test_sqlite_need_not_plan_a_compare_and_set_again_at_each_call(sqlite_url: str) -> None:
    """It would, if a parameter of the state decided whether a partial index fits."""
    dialect: Any = Database(sqlite_url).engine.dialect
    for statement in (
        _move(True, State.PROCESSING, Event.COMPLETE, ()),
        _still_held(State.PROCESSING, by_sqlite=True),
    ):
        assert "items.state = 'processing'" in str(statement.compile(dialect=dialect))

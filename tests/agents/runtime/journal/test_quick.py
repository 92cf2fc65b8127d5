"""What SQLite's driver runs itself gives the same rows and errors as through SQLAlchemy."""

from typing import Any

import pytest
from sqlalchemy import Boolean, bindparam, event, insert, literal_column, select
from sqlalchemy.exc import IntegrityError

from agents.runtime.journal.database import Database
from agents.runtime.journal.quick import fetch
from agents.runtime.journal.schema import subscriptions
from agents.runtime.journal.statements import _move, _still_held
from agents.runtime.model.lifecycle import Event, State

NEW = insert(subscriptions).values(topic=bindparam("topic"), grp="g", since=1.5)
KNOWN = select(
    subscriptions.c.topic, subscriptions.c.since, literal_column("1", Boolean()).label("known")
)
FEW, MANY = 1, 100


@pytest.mark.parametrize("rows", [FEW, MANY])
async def test_rows_have_the_names_and_types_of_sqlalchemy(sqlite_url: str, rows: int) -> None:
    database, seen = Database(sqlite_url), list[str]()
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda *given: seen.append(given[2])
    )
    async with database.write(rows) as connection:
        assert await fetch(connection, NEW, {"topic": "a"}) in ([], ())
    async with database.read(rows) as connection:
        (row,) = await fetch(connection, KNOWN, {})
    assert (row.topic, row.since, row.known is True) == ("a", 1.5, True) == (*row[:2], row[2])
    assert len(seen) == 2, "what counts statements sees both"
    await database.close()


@pytest.mark.parametrize("rows", [FEW, MANY])
async def test_an_error_is_that_of_sqlalchemy_and_nothing_is_written(
    sqlite_url: str, rows: int
) -> None:
    database = Database(sqlite_url)

    async def write_twice() -> None:
        async with database.write(rows) as connection:
            for _ in range(2):
                await fetch(connection, NEW, {"topic": "a"})

    with pytest.raises(IntegrityError):
        await write_twice()
    async with database.read(rows) as connection:
        assert list(await fetch(connection, KNOWN, {})) == []
    await database.close()


def test_sqlite_need_not_plan_a_compare_and_set_again_at_each_call(sqlite_url: str) -> None:
    """It would, if a parameter of the state decided whether a partial index fits."""
    dialect: Any = Database(sqlite_url).engine.dialect
    for statement in (
        _move(True, State.PROCESSING, Event.COMPLETE, ()),
        _still_held(State.PROCESSING, by_sqlite=True),
    ):
        assert "items.state = 'processing'" in str(statement.compile(dialect=dialect))

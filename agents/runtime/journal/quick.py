"""Statements that are made once, run by the driver itself: SQLAlchemy takes longer for one than the database.

For many rows on SQLite it is SQLAlchemy that runs them, in the driver's thread.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, exists, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database
from agents.runtime.journal.sqlite_driver import OneTripConnection, as_sqlalchemys


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The SQL, its parameters' names in order and known values, and what makes a row of the values."""

    sql: str
    names: Sequence[str]
    known: Mapping[str, Any]
    row: Any
    converters: Sequence[tuple[int, Any]]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Any]:
        """The rows as SQLAlchemy gives them."""
        if not self.converters:
            return [self.row(*values) for values in found]
        converted = [list(values) for values in found]
        for values in converted:
            for at, convert in self.converters:
                values[at] = convert(values[at])
        return [self.row(*values) for values in converted]


@lru_cache(maxsize=256)
def _compiled(statement: Any, dialect: Dialect) -> _Compiled:
    made = statement.compile(dialect=dialect)
    columns = made._result_columns  # noqa: SLF001 - no other way
    names = [column.keyname for column in columns]
    # PostgreSQL's driver makes values of all the types that the schema has.
    kinds = [column.type.dialect_impl(dialect) for column in columns if dialect.name == "sqlite"]
    made_by = [kind.result_processor(dialect, None) for kind in kinds]
    converters = [(at, convert) for at, convert in enumerate(made_by) if convert is not None]
    row = namedtuple("row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known at run time only
    return _Compiled(str(made), made.positiontup or (), made.params, row, converters)


async def fetch(
    connection: AsyncConnection, statement: Any, parameters: Mapping[str, Any]
) -> Sequence[Any]:
    """The rows of a statement that is made once; all its values are those of the driver."""
    inner: Any = connection.sync_connection
    adapted = inner.connection.dbapi_connection
    lite = isinstance(adapted, OneTripConnection)
    if lite and not adapted.here:
        result = await connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()
    made = _compiled(statement, connection.dialect)
    values = [parameters[name] if name in parameters else made.known[name] for name in made.names]
    for listener in inner.dispatch.before_cursor_execute:
        listener(inner, None, made.sql, values, None, False)
    return made.rows(
        _on_sqlite(connection, adapted, made.sql, values)
        if lite
        else await _on_postgresql(connection, adapted, made.sql, values)
    )


def _on_sqlite(
    connection: AsyncConnection, adapted: OneTripConnection, sql: str, values: Sequence[Any]
) -> list[Any]:
    try:
        return adapted.driver.execute(sql, values).fetchall()
    except sqlite3.Error as error:
        raise as_sqlalchemys(error, sql, values, connection.dialect) from error


async def _on_postgresql(
    connection: AsyncConnection, adapted: Any, sql: str, values: Sequence[Any]
) -> list[Any]:
    try:
        if adapted._transaction is None:  # noqa: SLF001 - as SQLAlchemy's cursor, before each statement
            await adapted._start_transaction()  # noqa: SLF001
        found: list[Any] = await adapted.driver_connection.fetch(sql, *values)
    except BaseException as error:
        # Also if it is cancelled: a connection that was interrupted must not be used again.
        await connection.run_sync(_fail, adapted, error, sql, values)
        raise
    return found


def _fail(inner: Any, adapted: Any, error: BaseException, sql: str, values: Sequence[Any]) -> None:
    """Raise SQLAlchemy's error for this one, and drop a connection that is lost, as SQLAlchemy does."""
    try:
        if isinstance(error, Exception):
            adapted._handle_exception(error)  # noqa: SLF001 - it knows the errors of the driver
        raise error  # noqa: TRY301 - SQLAlchemy looks which error is being handled
    except BaseException as translated:  # noqa: BLE001 - it is raised
        inner._handle_dbapi_exception(translated, sql, values, None, None)  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements of one commit; the second, made with a condition, follows if the first has a row."""

    first: Any
    then: Any
    in_one: Any


def pair(first: Any, then: Callable[[ColumnElement[bool]], Any]) -> Pair:
    """The statements `first`, which returns rows, and `then`, which gets the condition for its WHERE clause."""
    done = first.cte("done")
    in_one = select(done).add_cte(then(exists(select(done))).cte("after"))
    return Pair(first, then(true()), in_one)


async def write_pair(
    database: Database, both: Pair, parameters: Mapping[str, Any]
) -> Sequence[Any]:
    """Commit both statements, about one row each; returns the rows of the first.

    PostgreSQL takes them in one round trip. SQLite has no statement that writes to two tables.
    """
    async with database.write(rows=1, single=True) as connection:
        if not database.is_sqlite:
            return await fetch(connection, both.in_one, parameters)
        if found := await fetch(connection, both.first, parameters):
            await fetch(connection, both.then, parameters)
        return found

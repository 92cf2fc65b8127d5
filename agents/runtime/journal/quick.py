"""Statements that are made once, run by SQLite's driver itself: SQLAlchemy takes ten times as long for one.

On PostgreSQL, and for many rows, it is SQLAlchemy that runs them.
"""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import OneTripConnection


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
    columns = [(column.keyname, column.type) for column in made._result_columns]  # noqa: SLF001 - no other way
    kinds = [kind.dialect_impl(dialect).result_processor(dialect, None) for _, kind in columns]
    converters = [(at, convert) for at, convert in enumerate(kinds) if convert is not None]
    names = [name for name, _ in columns]
    row = namedtuple("row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known at run time only
    return _Compiled(str(made), made.positiontup or (), made.params, row, converters)


async def fetch(
    connection: AsyncConnection, statement: Any, parameters: Mapping[str, Any]
) -> Sequence[Any]:
    """The rows of a statement that is made once; all its values are those of the driver."""
    inner: Any = connection.sync_connection
    adapted = inner.connection.dbapi_connection
    if not (isinstance(adapted, OneTripConnection) and inner.get_execution_options().get("here")):
        result = await connection.execute(statement, parameters)
        return result.all() if result.returns_rows else ()
    made = _compiled(statement, connection.dialect)
    values = [parameters[name] if name in parameters else made.known[name] for name in made.names]
    for listener in inner.dispatch.before_cursor_execute:
        listener(inner, None, made.sql, values, None, False)
    driver = adapted._connection._conn  # noqa: SLF001 - as OneTripCursor
    try:
        return made.rows(driver.execute(made.sql, values).fetchall())
    except driver.Error as error:
        wrapped = DBAPIError.instance(
            made.sql, values, error, driver.Error, dialect=connection.dialect
        )
        raise wrapped from error

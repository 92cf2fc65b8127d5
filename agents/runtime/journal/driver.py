"""SQLite by its driver's thread: a statement costs one trip there instead of four.

A trip takes longer than most statements. SQLAlchemy makes one each to open a cursor, to execute, to
read and to close it; here all of that is one, and no statement stays half read.
"""

import sqlite3
from collections import deque
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
)


def connect(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    """Listens to an engine's `do_connect`: SQLAlchemy's connection with our cursors."""
    adapted = dialect.connect(*arguments, **options)
    return OneTripConnection(adapted.dbapi, adapted._connection)  # noqa: SLF001 - there is no other way


@dataclass(frozen=True, slots=True)
class Told:
    """What a finished statement says of itself, as the attributes of a cursor."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class OneTripCursor(AsyncAdapt_aiosqlite_cursor):
    """All rows of a statement, read before anybody asks for them."""

    __slots__ = ()
    _cursor: Any

    def _make_new_cursor(self, _connection: Any) -> Any:
        return Told()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.execute, operation, parameters or ())

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Let go of the rows."""
        self._rows.clear()

    async def _run(self, method: Any, *arguments: Any) -> None:
        driver: Any = self._connection
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001 - as the one it replaces
            done = await driver._execute(_ran, driver._conn, method, *arguments)  # noqa: SLF001
        self._cursor, self._rows = done


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's connection with our cursors."""

    __slots__ = ()
    _cursor_cls = OneTripCursor


def _ran(connection: sqlite3.Connection, method: Any, *arguments: Any) -> tuple[Told, deque[Any]]:
    cursor = connection.cursor()
    try:
        method(cursor, *arguments)
        rows = deque(cursor.fetchall() if cursor.description else ())
        return Told(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()

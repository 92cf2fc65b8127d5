"""What the last release before the renaming has written: its journal and the record of the sandbox.

`earlier_release.sql` is the journal, `earlier_release_sandbox.sql` what the providers knew at the same
moment. That release wrote both on SQLite by its own flows, with processes that were killed at fail
points, faults of the providers and the actions of an operator; the heads of the files say more. The
times are relative to WRITTEN_AT.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import metadata

FOLDER = Path(__file__).parent
WRITTEN_AT = 1_000_000_000.0
OLDEST = WRITTEN_AT - 3600  # no other number in the dumps is so large
REVISION = "0004"


def restore(dump: str, path: Path) -> None:
    """Create the SQLite database of a dump at `path`, as if the earlier release had just stopped."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((FOLDER / f"{dump}.sql").read_text("utf-8"))
        for table, column in _numbers(db):
            later = f'UPDATE "{table}" SET "{column}" = "{column}" + ? WHERE "{column}" > ?'
            db.execute(later, (int(time.time() - WRITTEN_AT), OLDEST))
        db.commit()


def _numbers(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for _, column, kind, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
            if kind in {"DOUBLE", "REAL", "INTEGER"}:
                yield table, column


async def copy_to_postgresql(path: Path, url: str) -> None:
    """Copy the journal at `path` into an empty journal on PostgreSQL.

    The schema of this release only adds to the earlier one, so the revision is set back.
    """
    database = Database(url)
    try:
        with closing(sqlite3.connect(path)) as db:
            db.row_factory = sqlite3.Row
            async with database.write() as connection:
                for table in metadata.sorted_tables:
                    if table.name != "installation":
                        await _copy(db, connection, table)
                await set_revision_back(connection)
    finally:
        await database.close()


async def _copy(db: sqlite3.Connection, connection: AsyncConnection, table: Any) -> None:
    rows = [
        {
            c.key: bool(row[c.name]) if isinstance(c.type, Boolean) else row[c.name]
            for c in table.columns
            if c.name in row.keys()  # noqa: SIM118 - a Row iterates over its values
        }
        for row in db.execute(f'SELECT * FROM "{table.name}"')
    ]
    if rows:
        await connection.execute(insert(table), rows)
    if "id" in table.columns and table.columns.id.type.python_type is int:
        sequence = func.pg_get_serial_sequence(table.name, "id")
        await connection.execute(select(func.setval(sequence, func.max(table.columns.id))))


async def set_revision_back(connection: AsyncConnection) -> None:
    """Make the journal one that the earlier release opens and this one migrates."""
    await connection.execute(text(f"UPDATE alembic_version SET version_num = '{REVISION}'"))

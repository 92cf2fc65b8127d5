"""Ends when a database has the schema of this release: `python -m deployments.kubernetes.await_schema journal`.

Pods begin with it, so that they start in the right order however they are applied.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.command_line import run_command
from agents.runtime.journal.database import Database
from agents.runtime.settings import settings

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 900.0  # then the pod starts again, and its state says so


async def journal_is_current() -> bool:
    """Whether the journal has this release's schema, or a newer one."""
    database = Database(settings().journal)
    try:
        return await database.is_current()
    finally:
        await database.close()


async def prefect_is_current() -> bool:
    """Whether Prefect's database has the schema of the installed Prefect, or a newer one."""
    # Only one of the two schemas is asked for, and this import takes seconds.
    from prefect.server import database  # noqa: PLC0415

    interface = database.provide_database_interface()
    scripts = Path(database.__file__).parent / "_migrations"
    versions = ScriptDirectory(str(scripts), version_locations=[str(interface.orm.versions_dir)])
    engine = create_async_engine(interface.database_config.connection_url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_has_all, versions)
    finally:
        await engine.dispose()


def _has_all(connection: Connection, versions: ScriptDirectory) -> bool:
    found = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in versions.walk_revisions()}
    return bool(found) and (found == set(versions.get_heads()) or not found <= known)


SCHEMAS: Mapping[str, Callable[[], Awaitable[bool]]] = {
    "journal": journal_is_current,
    "prefect": prefect_is_current,
}


async def await_schema(schema: str, patience: float = PATIENCE_SECONDS) -> bool:
    """Wait until the schema is there, at most `patience` seconds; a database that is away is waited for too."""
    until = time.monotonic() + patience
    while True:
        try:
            if await SCHEMAS[schema]():
                return True
            problem = "its schema is of an earlier release"
        except (SQLAlchemyError, OSError) as error:
            problem = f"it does not answer: {type(error).__name__}"
        if time.monotonic() >= until:
            print(f"error: the database of {schema}: {problem}", file=sys.stderr)
            return False
        await asyncio.sleep(LOOK_SECONDS)


def main(arguments: list[str] | None = None) -> int:
    """Wait; returns 1 if the schema did not come."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.kubernetes.await_schema", description=__doc__
    )
    parser.add_argument("schema", choices=SCHEMAS)
    parser.add_argument(
        "--seconds", type=float, default=PATIENCE_SECONDS, help="wait at most so long"
    )
    asked = parser.parse_args(arguments)
    return int(not asyncio.run(await_schema(asked.schema, asked.seconds)))


if __name__ == "__main__":
    run_command(main)

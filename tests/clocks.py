"""A clock of the journal's database that a test sets, on SQLite and on PostgreSQL, also for other processes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from tests.databases import execute

JULIAN_1970, DAY = 2440587.5, 86_400.0
# Found before the built-in function of this name, by the search path below.
FUNCTION = """
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS $$
    SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM clock.ahead) * interval '1 s'
$$
"""
SCHEMA = (
    "CREATE SCHEMA clock",
    "CREATE TABLE clock.ahead AS SELECT 0.0::float8 AS seconds",
    FUNCTION,
)
PATH = "ALTER DATABASE {} SET search_path = public, clock, pg_catalog"
RESET = ("ALTER DATABASE {} RESET search_path", "DROP SCHEMA clock CASCADE")


@dataclass(slots=True)
class DatabaseClock:
    """The clock of a journal's database; all connections that are opened after it go by it."""

    url: str
    ahead: float = 0.0

    async def set(self, seconds: float) -> None:
        """Set the clock forward by these seconds, or back."""
        self.ahead += seconds
        if not self.is_sqlite:
            await execute(self.url, f"UPDATE clock.ahead SET seconds = {self.ahead}")

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def julianday(self, _now: str) -> float:
        return JULIAN_1970 + (time.time() + self.ahead) / DAY


@pytest.fixture
def database_clock(journal_url: str) -> Iterator[DatabaseClock]:
    """The clock of the test's journal, on each database in turn."""
    clock = DatabaseClock(journal_url)
    if clock.is_sqlite:
        yield from _on_sqlite(clock)
        return
    name = journal_url.partition("?")[0].rpartition("/")[2]
    asyncio.run(execute(journal_url, *SCHEMA, PATH.format(name)))
    yield clock
    asyncio.run(execute(journal_url, *(statement.format(name) for statement in RESET)))


def _on_sqlite(clock: DatabaseClock) -> Iterator[DatabaseClock]:
    replace = _replacing(clock.julianday)
    event.listen(Pool, "connect", replace)
    yield clock
    event.remove(Pool, "connect", replace)


def _replacing(julianday: Callable[[str], float]) -> Callable[[Any, object], None]:
    def replace(connection: Any, _record: object) -> None:
        connection.run_async(lambda driver: driver.create_function("julianday", 1, julianday))

    return replace


SetClock = Callable[[float], Awaitable[None]]


@asynccontextmanager
async def shared_clock(url: str, file: Path) -> AsyncIterator[SetClock]:
    """A function that sets the clock of a journal for all processes, in seconds from the host's.

    On SQLite these are the processes that `go_by` this file; on PostgreSQL those that connect within
    the block.
    """
    if url.startswith("sqlite"):

        async def write(seconds: float) -> None:
            await asyncio.to_thread(file.write_text, str(seconds), "ascii")

        await write(0.0)
        yield write
        return
    name = url.partition("?")[0].rpartition("/")[2]
    await execute(url, *SCHEMA, PATH.format(name))

    async def update(seconds: float) -> None:
        await execute(url, f"UPDATE clock.ahead SET seconds = {seconds}")

    yield update
    await execute(url, *(statement.format(name) for statement in RESET))


def go_by(file: Path) -> None:
    """Let the connections to SQLite that this process opens go by the clock in this file."""

    def julianday(_now: str) -> float:
        ahead = float(file.read_text("ascii") or 0.0)  # empty while it is being written
        return JULIAN_1970 + (time.time() + ahead) / DAY

    event.listen(Pool, "connect", _replacing(julianday))

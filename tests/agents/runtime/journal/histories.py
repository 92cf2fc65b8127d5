"""Rows of a journal, written as other processes would have left them."""

from typing import Any

from sqlalchemy import insert

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import worker_versions
from agents.runtime.journal.scheduling_schema import paces
from agents.runtime.journal.schema import items, owners

WAITS: dict[str, Any] = {"state": "pending"}
HELD: dict[str, Any] = {"state": "processing"}
ENDED: dict[str, Any] = {"state": "completed"}


class History:
    """Writes the rows that other processes would have written."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.database, self.count = journal, journal.database, 0

    async def write(self, *statements: Any) -> None:
        async with self.database.write() as connection:
            for statement in statements:
                await connection.execute(statement)

    async def add(
        self, number: int, state: dict[str, Any], expected: float | None = None, **more: Any
    ) -> None:
        """Add items of the queue "jobs", version 1, with `expected` seconds of work each."""
        row: dict[str, Any] = {"tenant": "t", "scenario": "jobs", "version": "1", "major": 1}
        row |= {"priority": "normal", "crash_count": 0, "fence": 0, "sequence": 0, "rank": 0.0}
        row |= {"cancel_requested": False, "trace": "t", "body_hash": "h", "body": "{}"}
        row |= {"expected": expected, "accepted_at": now()}
        first, self.count = self.count, self.count + number
        keys = range(first, self.count)
        await self.write(
            *(insert(items).values(row | state | more | {"key": f"k{n}"}) for n in keys)
        )

    async def consumer(self, name: str, major: int = 1, beat: float = 0.0) -> None:
        row = {"id": name, "host": "h", "pid": 1, "lease": 30.0, "beat_at": now() + beat}
        version = {"owner": name, "scenario": "jobs", "major": major}
        await self.write(insert(owners).values(row), insert(worker_versions).values(version))

    async def pace(
        self, a_second: float, major: int = 1, mean: float | None = None, ago: float = 0.0
    ) -> None:
        """One consumer did so many items a second, of `mean` seconds of work each, `ago` seconds before now."""
        row = {"scenario": "jobs", "major": major, "seconds": 100.0, "items": 100 * a_second}
        work = {"forecasts": 0.0, "work": 0.0} if mean is None else {"forecasts": 1.0, "work": mean}
        await self.write(insert(paces).values(row | work | {"at": now() - ago}))

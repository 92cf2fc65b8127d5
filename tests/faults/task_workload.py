"""Tasks that take resources as a workload: whatever happens to who holds them, others get their turn.

A trigger of the database notes each moment at which more is held than there is, whichever process took it.
"""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, Row, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.journal.scheduling_schema import capacities, holdings, resource_waits
from agents.runtime.model.lifecycle import State
from tests.faults.checker import Expectation, illegal_writes
from tests.faults.protocol import Run
from tests.faults.study_workload import NO_RECORD
from tests.invariants import breaches_of, dump_journal

SECONDS = 0.1  # for which a task holds what it takes
CAPACITIES: tuple[dict[str, Any], ...] = (
    {"resource": "gpu", "tenant": "", "amount": 2.0, "window_seconds": None},
    {"resource": "tool", "tenant": "default", "amount": 1.0, "window_seconds": None},
    {"resource": "calls", "tenant": "", "amount": 4.0, "window_seconds": 1.0},
)
NEEDS: tuple[dict[str, float], ...] = (
    {"gpu": 1, "tool": 1},
    {"gpu": 2},
    {"tool": 1, "calls": 1},
    {"gpu": 1, "calls": 1},
    {"gpu": 2, "tool": 1},
    {"gpu": 1},
    {"tool": 1},
    {"gpu": 1, "tool": 1, "calls": 1},
)
AFTER = {4: [0], 7: [1, 2]}  # what each of these tasks needs of the others
ABOVE = """SELECT 1 FROM capacities c WHERE c.resource = NEW.resource AND c.window_seconds IS NULL
    AND c.amount < (SELECT sum(h.amount) FROM holdings h WHERE h.resource = c.resource) - 0.000001"""
NOTE = f"INSERT INTO above SELECT NEW.resource, NEW.owner WHERE EXISTS ({ABOVE});"
TABLE = "CREATE TABLE IF NOT EXISTS above (resource TEXT, owner TEXT)"
SQLITE = (TABLE, f"CREATE TRIGGER above AFTER INSERT ON holdings BEGIN {NOTE} END")
POSTGRESQL = (
    TABLE,
    "DELETE FROM above",
    f"""CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN {NOTE} RETURN NEW; END $$""",
    "CREATE OR REPLACE TRIGGER above AFTER INSERT ON holdings FOR EACH ROW EXECUTE FUNCTION note()",
)


@dataclass(frozen=True, slots=True)
class TaskWorkload:
    """The journal of one cell, and the file with its workflow."""

    folder: Path
    data: Path
    journal_url: str
    file: Path
    lease: float = 1.0

    @property
    def name(self) -> str:
        """The name of the cell's folder."""
        return self.folder.name

    @property
    def expected(self) -> dict[str, set[str]]:
        """Empty: every task has only one permitted outcome."""
        return {}

    @property
    def run(self) -> Run:
        """A run of the workflow without faults."""
        return Run(
            data=str(self.data),
            journal=self.journal_url,
            folder=str(self.folder),
            workflow=str(self.file),
            job="tasks",
            lease=self.lease,
        )

    async def unfinished(self) -> list[str]:
        """Return the tasks that are not done, and those that were never accepted."""
        journal = await dump_journal(self.journal_url)
        done = {row["key"] for row in journal.items.values() if row["state"] == State.COMPLETED}
        return [key for key in map(_key, range(len(NEEDS))) if key not in done]

    async def only_messages_left(self) -> bool:
        """False: tasks send no messages."""
        return False

    async def check(self, permitted: Expectation) -> list[str]:
        """Check I2 and I8, that nothing is held or waited for, and that never too much was held."""
        journal = await dump_journal(self.journal_url)
        return [
            *breaches_of(journal, NO_RECORD),
            *(f"I2 {key} is not done" for key in await self.unfinished()),
            *(
                violation
                for item, row in journal.items.items()
                for violation in illegal_writes(
                    row, journal.history.get(item, []), permitted.faulted
                )
            ),
            *await self._leaks(),
        ]

    async def held(self) -> Sequence[Row[Any]]:
        """Return what is held now."""
        return await self._rows(select(holdings))

    async def _leaks(self) -> list[str]:
        """What is still held or waited for, and what was taken above a capacity."""
        held, waits = await self.held(), await self._rows(select(resource_waits))
        above = await self._rows(text("SELECT * FROM above"))
        return [
            *(f"resources: item {row.item} still holds {row.resource}" for row in held),
            *(f"resources: item {row.item} waits for {row.resource} for ever" for row in waits),
            *(f"resources: {row.owner} took more {row.resource} than there is" for row in above),
        ]

    async def _rows(self, query: Executable) -> Sequence[Row[Any]]:
        engine = create_async_engine(self.journal_url)
        async with engine.connect() as connection:
            found = (await connection.execute(query)).all()
        await engine.dispose()
        return found


def new_tasks(folder: Path, data: Path, journal_url: str, lease: float = 1.0) -> TaskWorkload:
    """Create the workload of a cell in `folder`, with capacities in its journal."""
    file = folder / "workflow.json"
    file.write_text(json.dumps({"name": "w", "tasks": [_task(n) for n in range(len(NEEDS))]}))
    with ThreadPoolExecutor(1) as thread:  # the caller's event loop runs already
        thread.submit(lambda: asyncio.run(_prepare(journal_url))).result()
    return TaskWorkload(folder, data, journal_url, file, lease)


def _key(number: int) -> str:
    return f"w/t{number}"


def _task(number: int) -> dict[str, Any]:
    needs = [f"t{needed}" for needed in AFTER.get(number, ())]
    resources = {name: float(amount) for name, amount in NEEDS[number].items()}
    return {"id": f"t{number}", "seconds": SECONDS, "resources": resources, "needs": needs}


async def _prepare(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for statement in SQLITE if url.startswith("sqlite") else POSTGRESQL:
            await connection.execute(text(statement))
        await connection.execute(capacities.insert(), list(CAPACITIES))
    await engine.dispose()

"""Fixtures: the environment of a function that works on the journal of a test."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select, update

from agents.runtime.context import open_runtime
from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items, owners
from agents.runtime.settings import settings
from deployments.functions.accept import Message, accept
from deployments.functions.declared import FUNCTIONS, Function
from deployments.functions.invocation import TIMES
from flows.workflows import WORKFLOWS
from tests.databases import stop_telemetry
from tests.deployments.functions.ledger import ENTRIES, declare, written
from tests.deployments.functions.local_lambda import LocalLambda, local_lambda

# Addresses where nobody is: without them the sandbox would be started, which entries do not need.
NOWHERE = {
    "INVENTORY_URL": "http://127.0.0.1:9/",
    "STRIPE_KEY": "sk_test_nobody",
    "CARRIERS": '[{"name": "none", "url": "http://127.0.0.1:9/"}]',
    "MAIL": '{"url": "smtp+plain://127.0.0.1:9", "sender": "a@example.com"}',
}


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where the functions of a test work."""

    data: Path
    journal_url: str

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a function."""
        own = {"DATA": str(self.data), "JOURNAL_URL": self.journal_url, "FUNCTION": "entries"}
        return {f"AGENT_FLOWS_{name}": value for name, value in (NOWHERE | own).items()} | more

    def child_environment(self) -> dict[str, str]:
        """The environment of a process of its own."""
        return os.environ | self.environment()

    def keys(self) -> list[str]:
        """The keys of the entries in the ledger."""
        return [key.split(":")[3] for key in written(self.data / "ledger.txt")]

    def states(self) -> dict[str, str]:
        """The states of the items in the journal."""
        return asyncio.run(self._states())

    async def _states(self) -> dict[str, str]:
        database = Database(self.journal_url)
        async with database.read() as connection:
            rows = (await connection.execute(select(items.c.key, items.c.state))).all()
        await database.close()
        return {row.key: str(row.state) for row in rows}

    def enqueue(self, lines: bytes) -> None:
        """Accept these entries and leave them in the queue."""
        asyncio.run(self._enqueue(lines))

    async def _enqueue(self, lines: bytes) -> None:
        async with open_runtime(settings()):
            await accept(ENTRIES, [Message("m", lines)])

    def expire_leases(self) -> None:
        """Let the leases of all killed processes run out now."""
        asyncio.run(self._expire())

    async def _expire(self) -> None:
        database = Database(self.journal_url)
        async with database.write() as connection:
            await connection.execute(update(owners).values(beat_at=0.0))
        await database.close()


@pytest.fixture
def cloud(sqlite_url: str, tmp_path: Path) -> Iterator[Cloud]:
    """The test's process as a function of entries, with 20 s for an invocation."""
    with deployed_here(Cloud(tmp_path, sqlite_url)) as made:
        yield made


@pytest.fixture
def either_cloud(journal_url: str, tmp_path: Path) -> Iterator[Cloud]:
    """The same on each database in turn."""
    with deployed_here(Cloud(tmp_path, journal_url)) as made:
        yield made


@contextmanager
def deployed_here(made: Cloud) -> Iterator[Cloud]:
    """Within the block this process is the function."""
    workflows, functions = dict(WORKFLOWS), dict(FUNCTIONS)
    declare(Function("entries", "entries", timeout=20.0, buffer=1.0, batch=16))
    settings.cache_clear()
    TIMES.clear()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in made.environment().items():
            patched.setenv(name, value)
        yield made
    settings.cache_clear()
    stop_telemetry()
    for known, before in ((WORKFLOWS, workflows), (FUNCTIONS, functions)):
        cast("dict[str, Any]", known).clear()
        cast("dict[str, Any]", known).update(before)


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalLambda]:
    """AWS on this machine."""
    with local_lambda(tmp_path) as made:
        yield made


@pytest.fixture
def forget() -> Callable[[], None]:
    """Makes the process read its settings again."""
    return settings.cache_clear

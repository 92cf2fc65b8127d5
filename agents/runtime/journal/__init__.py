"""The journal: SQL record of every work item, and the source of truth about all of them."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache

from agents.runtime.journal.database import Database
from agents.runtime.journal.owners import Owner
from agents.runtime.processes import Processes
from agents.runtime.redis.cache import Cache, near_and_far
from agents.runtime.redis.link import Link
from agents.runtime.settings import Settings
from agents.runtime.stopping import Stop, stop_on_sigterm
from agents.runtime.telemetry import start_telemetry


@dataclass(frozen=True, slots=True)
class Journal:
    """An open journal and this process as one of its owners."""

    database: Database
    owner: Owner
    tenant: str
    stop: Stop = field(default_factory=Stop)
    processes: Processes = field(default_factory=Processes)


_journal: ContextVar[Journal] = ContextVar("journal")


def journal() -> Journal:
    """The journal that is open here. Raises LookupError outside of `open_journal`."""
    return _journal.get()


@asynccontextmanager
async def open_journal(settings: Settings) -> AsyncIterator[Journal]:
    """Open and migrate the journal, hold items as an owner within the block, hand back after it."""
    start_telemetry(settings)
    database = Database(settings.journal)
    owner = Owner(database, settings.journal, settings.lease_seconds)
    cache = Cache(Link(settings))
    try:
        await database.migrate()
        await owner.register()
        _spare_the_collector()
        with stop_on_sigterm() as stop:
            opened = Journal(database, owner, settings.tenant, stop)
            token, sharing = _journal.set(opened), near_and_far.set(cache)
            try:
                yield opened
            finally:
                _journal.reset(token)
                near_and_far.reset(sharing)
                await opened.processes.close()
                await owner.retire()
    finally:
        await cache.close()
        await database.close()


@cache
def _spare_the_collector() -> None:
    """Once a process: what is loaded by now stays, so no full collection need walk through it.

    Prefect and SQLAlchemy are some 200,000 objects; walking through them took a tenth of the time.
    """
    gc.collect()
    gc.freeze()

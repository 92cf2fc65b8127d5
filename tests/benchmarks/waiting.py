"""Our queue: items are accepted into the journal, claimed from the front, and ended."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from sqlalchemy import Row

from agents.runtime.journal.completion import end
from agents.runtime.journal.database import Database
from agents.runtime.journal.queue import Queue, claim_first
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from tests.benchmarks.trivial_steps import document

OWNER = "host-4242-0123456789ab"
SENDER = Sender("default", "trivial", "1")


class Waiting:
    """A queue in the journal of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def accept(self, numbers: Sequence[int]) -> None:
        """Accept the orders with these numbers in one transaction."""
        await accept(self.database, SENDER, [new_item(number) for number in numbers])

    async def take(self, most: int) -> int:
        """Claim the first items and end them; returns their number."""
        rows = await self.claim(most)
        held = [_held(row) for row in rows]
        ended = await end(
            self.database, OWNER, held, Event.COMPLETE, dict.fromkeys([i.id for i in held], ())
        )
        return len(ended)

    async def claim(self, most: int) -> list[Row[Any]]:
        """Claim the first items."""
        return await claim_first(self.database, OWNER, Queue(SENDER.scenario), most)


@asynccontextmanager
async def waiting(url: str) -> AsyncIterator[Waiting]:
    """An empty journal in the database of this URL."""
    database = Database(url)
    await database.migrate()
    try:
        yield Waiting(database)
    finally:
        await database.close()


def new_item(number: int) -> NewItem:
    """The order with this number, as it is accepted."""
    body = orjson.dumps(document(number)).decode()
    return NewItem(str(number), body, hash_of(body), new_trace())


def _held(row: Row[Any]) -> Item:
    state = State.PROCESSING
    held = Item(row.id, row.tenant, row.scenario, row.key, row.fence, state, row.trace, None)
    held.outcome = "done"
    return held

"""Orders of a drill: submitted through the gateway, counted in the journal, judged when all are at rest."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import history, items
from agents.runtime.model.lifecycle import ENDED
from deployments.client import Gateway, GatewayError
from tests.flows.shop import Shop
from tests.invariants import Journal, Row, breaches_of, dump_journal

PATIENCE = 900.0


async def submit(gateway: Gateway, workflow: str, bodies: Iterable[Any]) -> None:
    """Submit all items through the gateway, again and again until each is accepted."""
    wanted, key, until = [*bodies], uuid4().hex, time.monotonic() + PATIENCE
    while True:
        with suppress(GatewayError, httpx.TransportError):
            many = gateway.submit_many(workflow, wanted, idempotency_key=key)
            if len([answer async for answer in many]) == len(wanted):
                return
        assert time.monotonic() < until, "the gateway does not take the items"
        await asyncio.sleep(0.5)


async def reached(count: Callable[[], Awaitable[int]], wanted: float) -> float:
    """The time at which the count was reached; the database may be away meanwhile."""
    until = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, SQLAlchemyError):
            if await count() >= wanted:
                return time.monotonic()
        assert time.monotonic() < until, f"{wanted} not reached"
        await asyncio.sleep(0.05)


async def ended(database: Database, prefix: str) -> int:
    """The items at rest whose keys begin with this."""
    mine = items.c.key.startswith(f"{prefix}-")
    query = select(func.count()).where(mine, items.c.state.in_(ENDED))
    async with database.read() as connection:
        return int(await connection.scalar(query) or 0)


async def moves(database: Database) -> int:
    """The changes of items by now."""
    async with database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(history)) or 0)


async def problems(shop: Shop, **outcomes: int) -> list[str]:
    """What is lost, left or happened twice, of the orders of this shop, and another end than these."""
    journal, record = await dump_journal(shop.journal_url), shop.record
    ids = {
        item
        for item, row in journal.items.items()
        if row["scenario"] == "orders" and row["key"].startswith(f"{shop.name}-")
    }
    mine = Journal(
        items={item: row for item, row in journal.items.items() if item in ids},
        dead={item: row for item, row in journal.dead.items() if item in ids},
        history=_of(journal.history, ids),
        steps=_of(journal.steps, ids),
        effects=_of(journal.effects, ids),
        outbox=_of(journal.outbox, ids),
    )
    found = breaches_of(mine, record)
    ends = Counter(row["outcome"] for row in mine.items.values())
    return found + ([] if ends == outcomes else [f"outcomes {dict(ends)}"])


def _of(table: dict[int, list[Row]], ids: set[int]) -> dict[int, list[Row]]:
    return {item: rows for item, rows in table.items() if item in ids}

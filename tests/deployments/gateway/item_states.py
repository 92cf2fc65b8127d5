"""Orders in the states that people act on, written to the journal as its own code would leave them."""

from typing import Any

import httpx
from sqlalchemy import insert, select, update

from agents.runtime.context import runtime
from agents.runtime.journal.schema import dead_letters, history, items, steps
from tests.deployments.gateway.orders import order


async def accepted(client: httpx.AsyncClient, number: int = 0) -> str:
    """The path of a new order of the sample."""
    answer = await client.post("/v/orders", json=order(number))
    assert answer.status_code == 202, answer.text
    status: str = answer.json()["status"]
    return status


async def change(path: str, **values: Any) -> int:
    """Set columns of the item at this path; returns its id."""
    key = path.rpartition("/")[2]
    async with runtime().journal.database.write() as connection:
        changed = update(items).where(items.c.key == key).values(**values).returning(items.c.id)
        return int((await connection.execute(changed)).scalar_one())


async def asking(client: httpx.AsyncClient, number: int = 0) -> str:
    """The path of an order that waits for a person's approval."""
    path = await accepted(client, number)
    item = await change(path, state="waiting", waiting_since=1.0)
    await _step(item, "approve_order", "waiting", "worth too much")
    return path


async def dead(
    client: httpx.AsyncClient, number: int = 0, agent: str = "book_shipment", error: str = "away"
) -> str:
    """The path of an order that is a dead letter."""
    path = await accepted(client, number)
    item = await change(path, state="dead_lettered", ended_at=2.0)
    await _step(item, agent, "failed", error)
    letter = {"item": item, "at": 2.0 + number, "agent": agent, "version": "1", "attempts": 6}
    what = {"error_type": "TransientError", "error": error, "status": "open", "count": 1}
    async with runtime().journal.database.write() as connection:
        await connection.execute(insert(dead_letters).values(**letter, **what))
    return path


async def _step(item: int, agent: str, status: str, error: str) -> None:
    row = {"item": item, "agent": agent, "occurrence": 0, "version": "1", "status": status}
    async with runtime().journal.database.write() as connection:
        await connection.execute(insert(steps).values(**row, attempts=1, at=1.0, error=error))


async def events(path: str) -> list[str]:
    """The item's events so far."""
    key = path.rpartition("/")[2]
    query = select(history.c.event).join(items, items.c.id == history.c.item)
    async with runtime().journal.database.read() as connection:
        found = await connection.scalars(
            query.where(items.c.key == key).order_by(history.c.sequence)
        )
        return list(found)

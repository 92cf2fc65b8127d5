"""Topics and messages for tests of the bus, and a bus that serves subscriptions within a block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row, Table, func, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import dead_messages
from agents.runtime.journal.schema import subscriptions as subscriptions_table
from agents.runtime.messaging import Bus, RequestReply, Subscription, Topic, open_bus
from agents.runtime.settings import Settings

PATIENCE = 120.0


class Note(BaseModel, frozen=True, extra="forbid"):
    """The body of messages in tests."""

    n: int = 0
    text: str = ""


class Sum(BaseModel, frozen=True, extra="forbid"):
    """An answer."""

    total: int


NEWS = Topic("news", Note)
ECHO = Topic("echo", Note)
ADDING = RequestReply(Topic("adding", Note), Topic("adding.sum", Sum))


@asynccontextmanager
async def serving_bus(settings: Settings, *subscriptions: Subscription) -> AsyncIterator[Bus]:
    """A bus that serves these within the block."""
    async with open_bus(settings) as bus:
        serving = asyncio.create_task(bus.serve(subscriptions))
        try:
            await eventually(lambda: _are_registered(bus, subscriptions))
            yield bus
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def _are_registered(bus: Bus, subscriptions: Sequence[Subscription]) -> bool:
    return await count_rows(bus.database, subscriptions_table) >= len(subscriptions)


async def eventually(holds: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait until the condition holds. Raises AssertionError after PATIENCE seconds."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < until:
        result = holds()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition does not hold in time")


async def count_rows(database: Database, table: Table) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def dead_message_rows(database: Database) -> Sequence[Row[Any]]:
    """All dead messages."""
    async with database.read() as connection:
        return (await connection.execute(select(dead_messages).order_by(dead_messages.c.at))).all()


async def reasons(database: Database) -> list[str]:
    return [row.reason for row in await dead_message_rows(database)]


async def add_entry(bus: Bus, topic: str, fields: dict[Any, Any]) -> None:
    """Add an entry to a stream without the bus."""
    await bus.redis_client.run(lambda redis: redis.xadd(bus.outbox_relay.stream(topic), fields))

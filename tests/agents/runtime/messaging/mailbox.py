"""Things to say in tests of the bus, and an office that serves subscriptions while a test runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row, Table, func, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import dead_messages
from agents.runtime.journal.schema import subscriptions as registered
from agents.runtime.messaging import Bus, RequestReply, Subscription, Topic, open_bus
from agents.runtime.settings import Settings

PATIENCE = 120.0


class Told(BaseModel, frozen=True, extra="forbid"):
    """What is said in tests."""

    n: int = 0
    text: str = ""


class Sum(BaseModel, frozen=True, extra="forbid"):
    """An answer."""

    total: int


NEWS = Topic("news", Told)
ECHO = Topic("echo", Told)
ADDING = RequestReply(Topic("adding", Told), Topic("adding.sum", Sum))


@asynccontextmanager
async def office(settings: Settings, *subscriptions: Subscription) -> AsyncIterator[Bus]:
    """A bus that serves these within the block."""
    async with open_bus(settings) as bus:
        serving = asyncio.create_task(bus.serve(subscriptions))
        try:
            await eventually(lambda: _registered(bus, subscriptions))
            yield bus
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


async def _registered(bus: Bus, some: Sequence[Subscription]) -> bool:
    return await rows(bus.database, registered) >= len(some)


async def eventually(holds: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait until it holds."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < until:
        result = holds()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never holds")


async def rows(database: Database, table: Table) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def letters(database: Database) -> Sequence[Row[Any]]:
    """All dead messages."""
    async with database.read() as connection:
        return (await connection.execute(select(dead_messages).order_by(dead_messages.c.at))).all()


async def reasons(database: Database) -> list[str]:
    return [row.reason for row in await letters(database)]


async def plant(bus: Bus, topic: str, fields: dict[Any, Any]) -> None:
    """Put something into a stream behind the bus's back."""
    await bus.redis_client.run(lambda redis: redis.xadd(bus.outbox_relay.stream(topic), fields))

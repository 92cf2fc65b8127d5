"""Signals wake a waiting consumer at once. It polls as well, so a lost signal costs one wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

KEPT_MILLISECONDS = 60_000
MARGIN = 1.0  # seconds beyond the wait after which a server without an answer hangs


class Signals:
    """Signals by the name of a queue."""

    def __init__(self, redis_client: RedisClient) -> None:
        self._redis_client = redis_client

    async def wake(self, queue: str) -> None:
        """Wake one consumer: one that waits now, or else the next one that waits within a minute.

        Signals that no consumer has received count as one, so a consumer that finds more work than it
        takes wakes the next one.
        """

        async def push(redis: "Redis") -> None:
            async with redis.pipeline(transaction=False) as pipe:
                add_wake(pipe, queue, "1")
                await pipe.execute()

        await self._redis_client.attempt(push)

    async def wait(self, queue: str, seconds: float) -> bool:
        """Wait up to `seconds` for a signal; False if none came or Redis is unavailable."""
        name, loop = signal_key(queue), asyncio.get_running_loop()
        until = loop.time() + seconds

        async def pop(redis: "Redis") -> bool:
            left = max(until - loop.time(), 0.01)  # 0 means for ever
            popped = cast("Awaitable[Any]", redis.blpop([name], timeout=left))
            return await popped is not None

        try:
            return await self._redis_client.run(pop, seconds + MARGIN)
        except RedisUnavailable:
            await asyncio.sleep(max(until - loop.time(), 0))
            return False


def add_wake(pipe: "Pipeline", queue: str, word: str) -> None:
    """Have the pipeline wake one consumer of the queue, which gets the `word`."""
    name = signal_key(queue)
    pipe.rpush(name, word)
    pipe.ltrim(name, -1, -1)
    pipe.pexpire(name, KEPT_MILLISECONDS)


def signal_key(queue: str) -> str:
    """The same key for all tenants, since a consumer takes items of all."""
    return f"agent-flows:signal:{queue}"


@asynccontextmanager
async def signals(settings: Settings) -> AsyncIterator[Signals]:
    """Signals over the Redis of these settings; the first signal or wait starts it if needed."""
    redis_client = RedisClient(settings)
    try:
        yield Signals(redis_client)
    finally:
        await redis_client.close()

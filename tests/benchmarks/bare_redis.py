"""A bare Redis queue: one script claims and acknowledges a batch. It is not durable."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from tests.benchmarks.new_rows import new_rows

TAKE = """
local taken = redis.call('LPOP', KEYS[1], ARGV[1])
if not taken then return 0 end
for _, body in ipairs(taken) do redis.call('HINCRBY', KEYS[2], 'done', 1) end
return #taken
"""


class BareRedis:
    """A list of bodies."""

    def __init__(self, redis: "Redis") -> None:
        self._redis, self._take = redis, redis.register_script(TAKE)

    async def accept(self, numbers: Sequence[int]) -> None:
        """Add a batch by one command."""
        bodies = [row[-1] for row in new_rows(numbers)]
        await self._redis.rpush("bare:queue", *bodies)

    async def take(self, most: int) -> int:
        """Take a batch by one script."""
        taken: Any = await self._take(["bare:queue", "bare:done"], [most])
        return int(taken)


@asynccontextmanager
async def bare_redis(socket: Path) -> AsyncIterator[BareRedis]:
    """A queue on the server of this socket."""
    async with Redis(unix_socket_path=str(socket), protocol=2) as redis:
        yield BareRedis(redis)

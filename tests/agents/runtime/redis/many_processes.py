"""`python -m tests.agents.runtime.redis.many_processes DATA FILE COUNT`: COUNT tasks want one result."""

import asyncio
import sys
from pathlib import Path

from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.shared_cache import SharedCache, Wanted
from agents.runtime.settings import Settings


async def main(data: Path, calls_file: Path, count: int) -> None:
    async def compute() -> str:
        with calls_file.open("a", encoding="ascii") as calls:
            calls.write("called\n")
        await asyncio.sleep(0.5)
        return "42"

    cache = SharedCache(RedisClient(Settings(data=data)))
    wanted = Wanted("answer", compute, int, 60, 30)
    found = await asyncio.gather(*(cache.get(wanted) for _ in range(count)))
    assert {text for text, _ in found} == {"42"}
    await cache.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))

"""`python -m tests.agents.runtime.redis.many_processes DATA FILE MANY`: many ask for one result at once."""

import asyncio
import sys
from pathlib import Path

from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.shared_cache import SharedCache, Wanted
from agents.runtime.settings import Settings


async def main(data: Path, file: Path, many: int) -> None:
    async def compute() -> str:
        with file.open("a") as calls:
            calls.write("called\n")
        await asyncio.sleep(0.5)
        return "42"

    cache = SharedCache(RedisClient(Settings(data=data)))
    wanted = Wanted("answer", compute, int, 60, 30)
    found = await asyncio.gather(*(cache.get(wanted) for _ in range(many)))
    assert {text for text, _ in found} == {"42"}
    await cache.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))

"""`python -m tests.agents.support.understanding.embed_texts DATA COUNT`: vectors of texts, in a process."""

import asyncio
import json
import sys
from pathlib import Path

from agents.runtime import Settings, open_runtime
from agents.support.understanding.embedding import vector
from agents.support.understanding.vectors import shared_vectors


async def main(data: Path, count: int) -> None:
    """Print how many vectors this process has computed itself, and the first number of each."""
    texts = [f"sentence number {n} of nobody" for n in range(count)]
    async with open_runtime(Settings(data=data)):
        rows = await shared_vectors(texts)
    computed = vector.cache_info().misses
    sys.stdout.write(json.dumps({"computed": computed, "rows": rows[:, 0].tolist()}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))

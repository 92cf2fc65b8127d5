"""Workers side by side on one event loop, none of which outlives the others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def side_by_side(
    work: Callable[[], Coroutine[Any, Any, None]], count: int
) -> AsyncIterator["asyncio.Future[Any]"]:
    """So many workers at once, to be awaited in the block; when it is left, all of them have ended.

    What is awaited raises what the first that failed has raised.
    """
    workers = [asyncio.create_task(work()) for _ in range(count)]
    all_of_them = asyncio.gather(*workers)
    try:
        yield all_of_them
    finally:
        for worker in workers:  # a gathering that failed is done: to cancel it would reach nobody
            worker.cancel()
        await asyncio.gather(all_of_them, *workers, return_exceptions=True)

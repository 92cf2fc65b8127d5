"""Two ways to call a function in another process: our pool, and `anyio.to_process`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_process

from agents.runtime.model.policies import CORES
from agents.runtime.process_pool import PooledCall, ProcessPool
from tests.benchmarks.process_work import LIMIT, Order, price_order, work_agent

PLACES = max(2, CORES)  # calls at once: one may hang, and another must not wait for it

Call = Callable[[Order], Awaitable[Any]]


@asynccontextmanager
async def ours() -> AsyncIterator[Call]:
    """A process for each call, forked from one that has the agents loaded."""
    pool = ProcessPool(PLACES)

    async def call(order: Order) -> Any:
        arguments = work_agent.packed([order])
        request = PooledCall(work_agent.module, work_agent.name, LIMIT, arguments)
        async with pool.slot(lambda: [work_agent.module]):
            return work_agent.unpacked(await pool.run(request))

    try:
        yield call
    finally:
        await pool.close()


@asynccontextmanager
async def anyios() -> AsyncIterator[Call]:
    """Worker processes that are started when needed and take one call after the other."""

    limiter = CapacityLimiter(PLACES)

    async def call(order: Order) -> Any:
        return await to_process.run_sync(price_order, order, cancellable=True, limiter=limiter)

    yield call


POOLS = {"ours": ours, "anyio": anyios}

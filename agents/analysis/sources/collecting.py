"""A run's way to its sources: one fetcher for all of them, and the sample's server if it is asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from contextvars import ContextVar

from agents.analysis.models import Partition
from agents.analysis.sample.flights import SCHEME, months
from agents.analysis.sample.serving import serving
from agents.runtime.settings import Settings
from agents.services.fetching.fetcher import Fetcher

_open: ContextVar[Fetcher | None] = ContextVar("fetcher", default=None)


@asynccontextmanager
async def collecting(here: Settings, *, sample: bool) -> AsyncIterator[Fetcher]:
    """The fetcher of the block around, or one of its own; with the `sample`, it is served meanwhile."""
    if (known := _open.get()) is not None:
        yield known
        return
    folder = here.data / "analysis"
    allowed, aliases = set(here.fetch_allowed), dict[str, str]()
    with ExitStack() as stack:
        if sample:
            await asyncio.to_thread(months, folder / "sample")
            server = stack.enter_context(serving(folder / "sample"))
            allowed.add(server.host)
            aliases[SCHEME] = f"http://{server.host}/"
        async with Fetcher(folder / "raw", frozenset(allowed), aliases) as fetcher:
            token = _open.set(fetcher)
            try:
                yield fetcher
            finally:
                _open.reset(token)


def collecting_for(
    partitions: Iterable[Partition], here: Settings
) -> AbstractAsyncContextManager[Fetcher]:
    """The same for these partitions: the sample is served if one of them is of the sample."""
    sample = any(one.location.startswith(f"{SCHEME}:") for one in partitions)
    return collecting(here, sample=sample)

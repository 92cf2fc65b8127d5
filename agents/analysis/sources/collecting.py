"""A run's way to its sources: one fetcher for all of them, and the sample's server if it is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from agents.analysis.sample.flights import SCHEME, sample_served
from agents.runtime.settings import Settings
from agents.services.fetching.fetcher import Fetcher

_open: ContextVar[Fetcher | None] = ContextVar("fetcher", default=None)


@asynccontextmanager
async def collecting(here: Settings) -> AsyncIterator[Fetcher]:
    """The fetcher of the block around, or one of its own."""
    if (known := _open.get()) is not None:
        yield known
        return
    folder = here.data / "analysis"
    with sample_served(folder / "sample") as server:
        allowed = frozenset((*here.fetch_allowed, server.host))
        aliases = {SCHEME: f"http://{server.host}/"}
        async with Fetcher(folder / "raw", allowed, aliases) as fetcher:
            token = _open.set(fetcher)
            try:
                yield fetcher
            finally:
                _open.reset(token)

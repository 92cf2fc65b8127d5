"""A run's way to its sources: one fetcher for all of them, and the sample's server if it is asked for."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from contextvars import ContextVar

from agents.analysis.sample.flights import SCHEME, sample_served
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
            server = stack.enter_context(sample_served(folder / "sample"))
            allowed.add(server.host)
            aliases[SCHEME] = f"http://{server.host}/"
        async with Fetcher(folder / "raw", frozenset(allowed), aliases) as fetcher:
            token = _open.set(fetcher)
            try:
                yield fetcher
            finally:
                _open.reset(token)

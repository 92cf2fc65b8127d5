"""Collect: copy the raw bytes of a partition into the store, in any format."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace

from agents.analysis.collecting.gathering import Gathering
from agents.analysis.collecting.host_credentials import credentials_of
from agents.analysis.models import Collected, Partition
from agents.analysis.sample.flights import SCHEME, months
from agents.analysis.sample.serving import serving
from agents.runtime import READ, Settings, agent, provide
from agents.runtime.model.policies import DAY
from agents.services.fetching.fetcher import Caps, Fetcher

# The fetcher keeps the limits of the settings, and a second attempt would send everything twice.
COLLECT = replace(READ, name="collect", timeout=DAY, concurrency=8, second_attempt=False)


@agent(COLLECT)
async def collect_partition(partition: Partition, fetcher: Fetcher) -> Collected:
    """Fetch the pages of the partition, or copy its file. Raises what `Gathering.collected` raises."""
    gathering = Gathering(partition.contract, partition.study, fetcher)
    return await gathering.collected(partition.location, partition.validator)


def is_sample(partitions: Iterable[Partition]) -> bool:
    """Whether one of the partitions is of the sample."""
    return any(one.location.startswith(f"{SCHEME}:") for one in partitions)


_fetcher: ContextVar[Fetcher | None] = ContextVar("fetcher", default=None)


@asynccontextmanager
async def open_fetcher(here: Settings, *, sample: bool) -> AsyncIterator[Fetcher]:
    """Provide the fetcher of the enclosing block, or a new one; with `sample`, serve the sample too.

    Raises NoSample.
    """
    if (enclosing := _fetcher.get()) is not None:
        yield enclosing
        return
    folder = here.data / "analysis"
    allowed, aliases = set(here.fetch_allowed), dict[str, str]()
    with ExitStack() as stack:
        if sample:
            await asyncio.to_thread(months, folder / "sample")
            server = stack.enter_context(serving(folder / "sample"))
            allowed.add(server.host)
            aliases[SCHEME] = f"http://{server.host}/"
        caps = Caps(seconds=here.fetch_seconds, read=here.fetch_stalled_seconds)
        secrets = await credentials_of(here)
        async with Fetcher(folder / "raw", frozenset(allowed), aliases, caps, secrets) as fetcher:
            token = _fetcher.set(fetcher)
            try:
                with provide({Fetcher: fetcher}):
                    yield fetcher
            finally:
                _fetcher.reset(token)

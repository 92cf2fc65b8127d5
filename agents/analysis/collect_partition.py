"""Collect: copy the raw bytes of a partition into the store, in any format."""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from agents.analysis.collecting.host_credentials import credentials_of
from agents.analysis.models import Collected, Partition
from agents.analysis.sample.flights import SCHEME, months
from agents.analysis.sample.serving import serving
from agents.analysis.study_store import StudyStore
from agents.runtime import READ, PermanentError, Settings, agent, provide
from agents.runtime.model.policies import DAY
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Caps, Fetcher
from agents.services.files.opening import opened
from agents.services.files.outcomes import SourceError

MAX_PAGES = 10_000
SUFFIXES = re.compile(r"(?:\.(?:csv|jsonl|ndjson|json|parquet))?(?:\.(?:gz|zip))?$", re.IGNORECASE)


class TooManyPages(PermanentError):
    """A source whose pages never end."""


# The fetcher keeps the limits of the settings, and a second attempt would send everything twice.
COLLECT = replace(READ, name="collect", timeout=DAY, concurrency=8, second_attempt=False)


@agent(COLLECT)
async def collect_partition(partition: Partition, fetcher: Fetcher) -> Collected:
    """Fetch the pages of the partition, or copy its file. Raises Refused, Unfetched, SourceError."""
    if is_url(partition.location):
        return await _fetched(partition, fetcher)
    return await asyncio.to_thread(_copied, partition)


def is_url(location: str) -> bool:
    """Whether it is a URL; everything else is a path."""
    return "://" in location


def form_of(location: str) -> str:
    """The suffixes that name the format, such as .csv.gz."""
    path = urlsplit(location).path if is_url(location) else location
    found = SUFFIXES.search(path)
    assert found is not None  # the pattern matches an empty text too
    return found.group().lower()


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


async def _fetched(partition: Partition, fetcher: Fetcher) -> Collected:
    url, raw, size = partition.location, list[str](), 0
    while url:
        if len(raw) == MAX_PAGES:
            raise TooManyPages(f"{partition.key}: more than {MAX_PAGES:,} pages")
        page = await fetcher.fetch(url, partition.study)
        raw.append(page.sha256)
        size += page.size
        url = page.following if partition.contract.follows_pages else ""
    return Collected(raw=tuple(raw), size=size, form=form_of(partition.location))


def _copied(partition: Partition) -> Collected:
    store = StudyStore(partition.study).raw
    store.mkdir(parents=True, exist_ok=True)
    with (
        opened(partition.location) as source,
        tempfile.NamedTemporaryFile(dir=store, prefix=".copying-", delete=False) as copy,
    ):
        _require_inside(partition.location, source.fileno(), settings().source_root)
        shutil.copyfileobj(source, copy)
    try:
        with Path(copy.name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = Path(copy.name).stat().st_size
        Path(copy.name).replace(store / digest)
    finally:
        Path(copy.name).unlink(missing_ok=True)
    return Collected(raw=(digest,), size=size, form=form_of(partition.location))


def _require_inside(location: str, descriptor: int, root: Path | None) -> None:
    """Check the open file: a link may change between a check of its path and the opening."""
    if root is None:
        return
    path = Path(location).resolve()
    try:
        same = os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        same = False
    if not same or not path.is_relative_to(root.resolve()):
        raise SourceError("outside", "the file is not in the folder of sources", location)

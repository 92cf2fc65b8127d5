"""Collect: bring a partition's raw bytes into the store, whatever they are."""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlsplit

from agents.analysis.models import Collected, Partition
from agents.analysis.sample.flights import SCHEME, months
from agents.analysis.sample.serving import serving
from agents.analysis.study_store import StudyStore
from agents.runtime import READ, PermanentError, agent, provide
from agents.runtime.settings import Settings, settings
from agents.services.fetching.fetcher import Fetcher
from agents.services.files.opening import opened
from agents.services.files.outcomes import SourceError

MOST_PAGES = 10_000
FORM = re.compile(r"(?:\.(?:csv|jsonl|ndjson|json|parquet))?(?:\.(?:gz|zip))?$", re.IGNORECASE)


class TooManyPages(PermanentError):
    """A source whose next pages never end."""


@agent(READ)
async def collect_partition(partition: Partition, fetcher: Fetcher) -> Collected:
    """Fetch the partition's pages, or copy its file. Raises Refused, Unfetched, SourceError."""
    if is_url(partition.location):
        return await _fetched(partition, fetcher)
    return await asyncio.to_thread(_copied, partition)


def is_url(location: str) -> bool:
    """Whether it names a host; everything else is a path."""
    return "://" in location


def form_of(location: str) -> str:
    """The suffixes by which the content is read, such as .csv.gz."""
    path = urlsplit(location).path if is_url(location) else location
    found = FORM.search(path)
    assert found is not None  # it matches nothing as well
    return found.group().lower()


async def _fetched(partition: Partition, fetcher: Fetcher) -> Collected:
    url, raw, size = partition.location, list[str](), 0
    while url:
        if len(raw) == MOST_PAGES:
            raise TooManyPages(f"{partition.key}: more than {MOST_PAGES:,} pages")
        page = await fetcher.fetch(url)
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
    """Judge the file that is open: links may be swapped between a check of the path and its opening."""
    if root is None:
        return
    path = Path(location).resolve()
    try:
        same = os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        same = False
    if not same or not path.is_relative_to(root.resolve()):
        raise SourceError("outside", "the file is not in the folder of sources", location)


_fetcher: ContextVar[Fetcher | None] = ContextVar("fetcher", default=None)


@asynccontextmanager
async def open_fetcher(here: Settings, *, sample: bool) -> AsyncIterator[Fetcher]:
    """Provide the fetcher of the enclosing block, or open one; with `sample`, serve the sample too.

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
        async with Fetcher(folder / "raw", frozenset(allowed), aliases) as fetcher:
            token = _fetcher.set(fetcher)
            try:
                with provide({Fetcher: fetcher}):
                    yield fetcher
            finally:
                _fetcher.reset(token)


def is_sample(partitions: Iterable[Partition]) -> bool:
    """Whether one of them is of the sample."""
    return any(one.location.startswith(f"{SCHEME}:") for one in partitions)

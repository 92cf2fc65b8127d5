"""Collect: bring a partition's raw bytes into the store, whatever they are."""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from agents.analysis.models import Collected, Partition
from agents.analysis.sources.collecting import collecting_for
from agents.analysis.study_store import StudyStore
from agents.runtime.errors import PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import READ
from agents.runtime.settings import settings
from agents.services.files.opening import opened
from agents.services.files.outcomes import SourceError

MOST_PAGES = 10_000
FORM = re.compile(r"(?:\.(?:csv|jsonl|ndjson|json|parquet))?(?:\.(?:gz|zip))?$", re.IGNORECASE)


class TooManyPages(PermanentError):
    """A source whose next pages never end."""


@agent(READ)
async def collect_partition(partition: Partition) -> Collected:
    """Fetch the partition's pages, or copy its file. Raises Refused, Unfetched, SourceError."""
    if is_url(partition.location):
        return await _fetched(partition)
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


async def _fetched(partition: Partition) -> Collected:
    url, raw, size = partition.location, list[str](), 0
    async with collecting_for([partition], settings()) as fetcher:
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

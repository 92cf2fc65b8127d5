"""Gathering a location: its raw bytes come into the store, from wherever they are.

What changes unseen, because nobody but its content tells, is gathered while partitions are looked for, and kept
for the agent that collects it.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agents.analysis.collecting import databases, object_stores
from agents.analysis.collecting.documents import PIECE, Document, keep
from agents.analysis.collecting.forms import identified, scheme_of
from agents.analysis.collecting.pages import Pages, is_paged
from agents.analysis.collecting.shapes import shaped
from agents.analysis.contract import Contract
from agents.analysis.models import Collected
from agents.runtime.files import write_whole
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from agents.services.fetching.remembered import Fetched
from agents.services.files.opening import opened
from agents.services.files.outcomes import SourceError

FOLDER = ".gathered"  # in the store of documents


@dataclass(frozen=True, slots=True)
class Gathering:
    """How the locations of one contract are gathered on behalf of a study."""

    contract: Contract
    study: str
    fetcher: Fetcher

    async def validator(self, location: str) -> str:
        """A value that changes with the content. Raises what `collected` raises."""
        scheme = scheme_of(location)
        if not scheme:
            return await asyncio.to_thread(_facts, location)
        if scheme in object_stores.SCHEMES:
            look = object_stores.validator
            return await asyncio.to_thread(look, location, self.study, settings())
        seen = None
        if scheme != databases.SCHEME and not is_paged(self.contract):
            seen = await self.fetcher.look(location, self.study)
            if seen.validator:
                return seen.validator
        gathered = await self._gathered(location, seen)
        body = gathered.model_dump_json()
        digest = hashlib.sha256(body.encode()).hexdigest()
        await asyncio.to_thread(write_whole, self.fetcher.store / FOLDER / digest, body)
        return digest

    async def collected(self, location: str, validator: str) -> Collected:
        """The bytes of the location; those that `validator` stands for, if they were gathered with it.

        Raises AgentError of many kinds: nothing there, refused, not whole, in no known format.
        """
        known = self.fetcher.store / FOLDER / validator
        if scheme_of(location) and len(validator) == 64:
            with suppress(FileNotFoundError):  # none was gathered, or it was swept away
                found = Collected.model_validate_json(await asyncio.to_thread(known.read_bytes))
                if all((self.fetcher.store / sha256).is_file() for sha256 in found.raw):
                    return found
        return await self._gathered(location, None)

    async def _gathered(self, location: str, seen: Fetched | None) -> Collected:
        scheme, here, store = scheme_of(location), settings(), self.fetcher.store
        if scheme == databases.SCHEME:
            url = databases.url_of(location, self.study, here)
            since, query = databases.since_of(location), self.contract.collect.query
            return collected_of([await databases.queried(url, query, store, since)], location)
        if scheme in object_stores.SCHEMES:
            copy = await asyncio.to_thread(object_stores.copied, location, self.study, here, store)
            return await asyncio.to_thread(self._formed, copy, location)
        if scheme:
            pages = Pages(self.contract, self.fetcher, self.study)
            return await pages.collected(location, seen)
        return await asyncio.to_thread(self._copied, location)

    def _copied(self, location: str) -> Collected:
        with opened(location) as source:
            _require_inside(location, source.fileno(), settings().source_root)
            copy = keep(self.fetcher.store, _pieces(source), "")
        return self._formed(copy, location)

    def _formed(self, copy: Document, location: str) -> Collected:
        """The tables in a document whose format is not known yet."""
        store, collect = self.fetcher.store, self.contract.collect
        form = identified(store / copy.sha256, (location,), "", collect.form)
        document = Document(copy.sha256, copy.size, form)
        return collected_of(list(shaped(document, store, collect)), location)


def collected_of(documents: list[Document], location: str) -> Collected:
    """The documents as the pages of one partition. Raises SourceError if their formats differ."""
    forms = {document.form for document in documents}
    if len(forms) > 1:
        raise SourceError("wrong-format", f"it holds {' and '.join(sorted(forms))}", location)
    return Collected(
        raw=tuple(document.sha256 for document in documents),
        size=sum(document.size for document in documents),
        form=forms.pop(),
    )


def _facts(path: str) -> str:
    facts = Path(path).stat()
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


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

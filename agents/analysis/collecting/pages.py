"""The pages of a URL, followed to the last one."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from agents.analysis.collecting.documents import Document, keep
from agents.analysis.collecting.envelope import opened
from agents.analysis.collecting.forms import identified
from agents.analysis.collecting.shapes import shaped
from agents.analysis.contract import Contract
from agents.analysis.models import Collected
from agents.runtime import PermanentError
from agents.services.fetching.fetcher import Fetcher
from agents.services.fetching.remembered import Fetched
from agents.services.files.outcomes import SourceError

MAX_PAGES = 10_000


class TooManyPages(PermanentError):
    """A source whose pages never end."""


class PagesLoop(PermanentError):
    """A link to the next page that leads to a page that was there before."""

    def __init__(self, url: str, page: int) -> None:
        super().__init__(url, page)
        self.url, self.page = url, page

    def __str__(self) -> str:
        return (
            f"{self.url[:200]}: page {self.page} was there before: its host's links lead in a circle, so "
            "nobody can say what the last page is"
        )


def is_paged(contract: Contract) -> bool:
    """Whether one document is only the first page."""
    return contract.follows_pages or bool(contract.collect.next)


@dataclass
class Pages:
    """The pages of one URL on behalf of the study `asker`."""

    contract: Contract
    fetcher: Fetcher
    asker: str
    _raw: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _size: int = 0
    _rows: int = 0
    _total: int | None = None
    _form: str = ""

    async def collected(self, url: str, first: Fetched | None = None) -> Collected:
        """Fetch all of them; `first` if it is there already.

        Raises Refused, Unfetched, SourceError, PagesLoop, TooManyPages.
        """
        number, page, begin = 0, first, url
        while url:
            number += 1
            if number > MAX_PAGES:
                raise TooManyPages(f"{begin[:200]}: more than {MAX_PAGES:,} pages")
            self._require_new(url, url, number)
            if page is None:
                links = self.contract.follows_pages
                page = await self.fetcher.fetch(url, self.asker, links=links)
            self._require_new(page.sha256, url, number)
            url = await asyncio.to_thread(self._take, url, page)
            page = None
        if self._total is not None and self._rows < self._total:
            reason = f"{self._rows:,} rows came, and the host says that there are {self._total:,}"
            raise SourceError("incomplete", reason, begin)
        return Collected(raw=tuple(self._raw), size=self._size, form=self._form)

    def _require_new(self, mark: str, url: str, number: int) -> None:
        """The same address or the same bytes again: a host that ignores the number of the page repeats one."""
        if mark in self._seen:
            raise PagesLoop(url, number)
        self._seen.add(mark)

    def _take(self, url: str, page: Fetched) -> str:
        """Add the rows of a page; returns the URL of the next one."""
        store, collect = self.fetcher.store, self.contract.collect
        path = store / page.sha256
        form = identified(path, (url, page.filename), page.media, collect.form)
        following = page.following if self.contract.follows_pages else ""
        documents = [Document(page.sha256, page.size, form)]
        if collect.items:
            envelope = opened(_content(path, form, url), url, collect)
            self._rows, self._total = self._rows + envelope.rows, envelope.total
            following = envelope.following or following
            documents = [keep(store, [envelope.items], ".json")]
        for document in documents:
            for shape in shaped(document, store, collect):
                if self._form not in ("", shape.form):
                    reason = f"a page is {shape.form}, the pages before it are {self._form}"
                    raise SourceError("wrong-format", reason, url)
                self._form = shape.form
                self._raw.append(shape.sha256)
                self._size += shape.size
        return following


def _content(path: Path, form: str, url: str) -> bytes:
    if form not in {".json", ".jsonl"}:
        raise SourceError("envelope", f"rows within a document need JSON, and this is {form}", url)
    return path.read_bytes()

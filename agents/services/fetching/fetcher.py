"""The one place from which foreign URLs are fetched: checked, paced, bounded in bytes and time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urljoin

import httpx

from agents.runtime.clock import clock, within
from agents.runtime.errors import PermanentError, TransientError
from agents.services.fetching.addresses import Place, checked, place_of
from agents.services.fetching.connections import opened, request_to
from agents.services.fetching.download import Download
from agents.services.fetching.pace import Pace
from agents.services.http import retry_after

MOST_REDIRECTS = 3
REDIRECTS = {301, 302, 303, 307, 308}
GONE = {400, 401, 403, 404, 410}
ATTEMPTS = 6
PAUSE = 0.5


class Unfetched(PermanentError):
    """The document can never be fetched: there is nothing at this URL, or it is too large."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"{self.url[:200]}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits of one document: `bytes` as sent, `seconds` with all retries, `connect` and `read` in seconds."""

    bytes: int = 2 << 30
    seconds: float = 600.0
    connect: float = 5.0
    read: float = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document in the store: its digest and size, how to ask for a newer one, where the next page is."""

    sha256: str
    size: int
    etag: str = ""
    modified: str = ""
    following: str = ""

    @property
    def validator(self) -> str:
        """The value that changes with the document, as the host gives it; empty if it gives none."""
        return self.etag or self.modified


@dataclass
class Fetcher:
    """Fetches into a folder, each document under its SHA-256.

    `allowed` are "host:port" pairs that may lie within the operator's own network. `aliases` are
    schemes that stand for the beginning of a URL, where the name must stay the same when the port changes.
    """

    store: Path
    allowed: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    caps: Caps = Caps()
    _paces: dict[tuple[str, int], Pace] = field(default_factory=lambda: defaultdict(Pace))
    _free: dict[tuple[str, int], list[httpx.AsyncClient]] = field(
        default_factory=lambda: defaultdict(list)
    )

    async def __aenter__(self) -> Self:
        self.store.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        for clients in self._free.values():
            for client in clients:
                await client.aclose()

    async def validator(self, url: str) -> str:
        """The document's validator, without fetching it; empty if the host gives none.

        Raises what `fetch` raises.
        """
        response = await self._with_retries("HEAD", url, {})
        return response.validator

    async def fetch(self, url: str) -> Fetched:
        """Fetch the document into the store.

        Raises AddressNotAllowed, Unfetched, and TransientError when the host did not answer in time.
        """
        return await self._with_retries("GET", url, {})

    async def _with_retries(self, method: str, url: str, headers: dict[str, str]) -> Fetched:
        """Ask, and ask again while attempts and time are left; a host that asks to wait is waited for."""
        until, pause, last = clock().monotonic() + self.caps.seconds, PAUSE, ""
        for _ in range(ATTEMPTS):
            left = until - clock().monotonic()
            try:
                async with within(max(left, 0.001)):
                    return await self._followed(method, url, headers)
            except TimeoutError:
                last = f"no answer within {self.caps.seconds:g} s"
                break
            except TransientError as error:
                last = error.reason
                wait = error.retry_after if error.retry_after is not None else pause
            except httpx.HTTPError as error:
                last, wait = f"{type(error).__name__} {error}".strip(), pause
            if clock().monotonic() + wait > until:
                break
            await asyncio.sleep(wait)
            pause *= 2
        raise TransientError(f"{url[:200]}: {last}")

    async def _followed(self, method: str, url: str, headers: dict[str, str]) -> Fetched:
        scheme, _, path = url.partition(":///")
        if scheme in self.aliases:
            url = self.aliases[scheme] + path
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._asked(method, place_of(url), headers)
            if isinstance(answer, Fetched):
                return answer
            url = urljoin(url, answer)
        raise Unfetched(url, f"more than {MOST_REDIRECTS} redirects")

    async def _asked(self, method: str, place: Place, headers: dict[str, str]) -> Fetched | str:
        """The document, or the URL that the host redirects to."""
        pace = self._paces[place.host, place.port]
        with Download(self.store) as download:
            async with pace.turn(), self._client(place) as client:
                target = await checked(place, self.allowed)
                request = request_to(client, method, target, headers)
                response = await client.send(request, stream=True)
                try:
                    if response.status_code in REDIRECTS and "location" in response.headers:
                        return str(response.headers["location"])
                    self._require_ok(place, response, pace)
                    async for chunk in response.aiter_raw():
                        download.take(chunk)
                        self._require_small(place, download.size)
                finally:
                    await response.aclose()
                pace.went_well()
            digest = "" if method == "HEAD" else await download.keep()
            return _described(place, response, digest, download.size)

    @asynccontextmanager
    async def _client(self, place: Place) -> AsyncIterator[httpx.AsyncClient]:
        """A client with one connection: httpx's own pool looks at all of them at every call."""
        free = self._free[place.host, place.port]
        client = free.pop() if free else opened(place, self.caps.connect, self.caps.read)
        try:
            yield client
        except BaseException:
            await client.aclose()
            raise
        free.append(client)

    def _require_ok(self, place: Place, response: httpx.Response, pace: Pace) -> None:
        status = response.status_code
        if status in {429, 503}:
            wait = retry_after(response.headers.get("Retry-After"))
            pace.too_much(wait or PAUSE)
            raise TransientError(f"{place.url[:200]}: asked to slow down ({status})", wait)
        if status in GONE:
            raise Unfetched(place.url, f"status {status}")
        if not 200 <= status < 300:
            raise TransientError(f"{place.url[:200]}: status {status}")

    def _require_small(self, place: Place, size: int) -> None:
        if size > self.caps.bytes:
            raise Unfetched(place.url, f"more than {self.caps.bytes:,} bytes")


def _described(place: Place, response: httpx.Response, digest: str, size: int) -> Fetched:
    headers = response.headers
    following = response.links.get("next", {}).get("url", "")
    return Fetched(
        digest,
        size,
        headers.get("ETag", ""),
        headers.get("Last-Modified", ""),
        urljoin(place.url, following) if following else "",
    )

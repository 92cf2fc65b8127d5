"""The one place from which foreign URLs are fetched: checked, paced, bounded in bytes and time."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import urljoin

import httpx

from agents.runtime.clock import clock, within
from agents.runtime.errors import PermanentError, TransientError
from agents.services.fetching.addresses import Place, checked, place_of
from agents.services.fetching.answers import described
from agents.services.fetching.arriving import PARTS, Arriving
from agents.services.fetching.connections import opened, request_to
from agents.services.fetching.credentials import Credential, headers_for
from agents.services.fetching.encodings import UnreadableCoding
from agents.services.fetching.pace import Pace
from agents.services.fetching.remembered import Fetched, Remembered
from agents.services.http import retry_after

MOST_REDIRECTS = 3
REDIRECTS = {301, 302, 303, 307, 308}
WHOLE = {200, 203}
LATER = {408, 421, 425}  # refused for now, as 429 and all 5xx are
NO_HEAD = {403, 405, 501}
ATTEMPTS = 6
PAUSE = 0.5
LOTS = random.Random()  # noqa: S311 - no secret


class Unfetched(PermanentError):
    """The document can never be fetched: there is nothing at this URL, or it is too large."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"{self.url[:200]}: {self.reason}"


class NoHead(PermanentError):
    """The host does not answer HEAD."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits of one document: `bytes` unpacked, `seconds` with all retries, `connect` and `read` in seconds.

    `read` is the longest time without a byte.
    """

    bytes: int = 2 << 30
    seconds: float = 600.0
    connect: float = 5.0
    read: float = 30.0


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked of a host, on whose behalf, and the document that is there from before."""

    method: str
    url: str
    asker: str
    known: Fetched | None


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
    credentials: Sequence[Credential] = ()
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

    async def look(self, url: str, asker: str = "") -> Fetched:
        """What the host says about the document; the document itself only if the host says nothing of use.

        Without a `validator`, or where HEAD is refused, the document is fetched. Raises what `fetch` raises.
        """
        try:
            found = await self._with_retries(await self._ask("HEAD", url, asker))
        except NoHead:
            return await self.fetch(url, asker)
        return found if found.validator else await self.fetch(url, asker)

    async def fetch(self, url: str, asker: str = "", *, links: bool = False) -> Fetched:
        """Fetch the document into the store, unless it is there and the host says that it is the newest.

        `asker` is the study on whose behalf this is. With `links`, a page that was the last one is fetched
        again: its host may say that it is the same, and not that another page follows by now. Raises
        AddressNotAllowed, Unfetched, and TransientError when the host did not answer in time.
        """
        ask = await self._ask("GET", url, asker)
        if links and ask.known and not ask.known.following:
            ask = replace(ask, known=None)
        fetched = await self._with_retries(ask)
        if fetched != ask.known:
            await asyncio.to_thread(self._remembered.keep, asker, url, fetched)
        return fetched

    @property
    def _remembered(self) -> Remembered:
        return Remembered(self.store)

    async def _ask(self, method: str, url: str, asker: str) -> _Ask:
        known = await asyncio.to_thread(self._remembered.of, asker, url)
        return _Ask(method, url, asker, known)

    async def _with_retries(self, ask: _Ask) -> Fetched:
        """Ask, and ask again while attempts and time are left; a host that asks to wait is waited for."""
        until, pause, last = clock().monotonic() + self.caps.seconds, PAUSE, ""
        asked: float | None = None
        with Arriving(self.store) as arriving:
            for _ in range(ATTEMPTS):
                left = until - clock().monotonic()
                try:
                    async with within(max(left, 0.001)):
                        return await self._followed(ask, arriving)
                except TimeoutError:
                    last, asked = f"not complete within {self.caps.seconds:g} s", None
                    break
                except TransientError as error:
                    last, asked = error.reason, error.retry_after
                except httpx.HTTPError as error:
                    last, asked = f"{type(error).__name__} {error}".strip(), None
                # With jitter: those who were refused together do not come back together.
                jitter = (0.5, 1.5) if asked is None else (1, 1.1)
                wait = LOTS.uniform(*jitter) * (pause if asked is None else asked)
                if clock().monotonic() + wait > until:
                    break
                await asyncio.sleep(wait)
                pause *= 2
        raise TransientError(f"{ask.url[:200]}: {last}", asked)

    async def _followed(self, ask: _Ask, arriving: Arriving) -> Fetched:
        url = ask.url
        scheme, _, path = url.partition(":///")
        if scheme in self.aliases:
            url = self.aliases[scheme] + path
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._asked(ask, place_of(url), arriving)
            if isinstance(answer, Fetched):
                return answer
            url = urljoin(url, answer)
        raise Unfetched(url, f"more than {MOST_REDIRECTS} redirects")

    async def _asked(self, ask: _Ask, place: Place, arriving: Arriving) -> Fetched | str:
        """The document, or the URL that the host redirects to."""
        pace = self._paces[place.host, place.port]
        rest = arriving.condition(place.url)
        headers = rest or (ask.known.condition() if ask.known else {})
        headers |= headers_for(self.credentials, place, ask.asker, self.allowed)
        async with pace.turn(), self._client(place) as client:
            target = await checked(place, self.allowed)
            request = request_to(client, ask.method, target, headers)
            response = await client.send(request, stream=True)
            try:
                if response.status_code in REDIRECTS and "location" in response.headers:
                    return str(response.headers["location"])
                if response.status_code == 304 and ask.known:
                    await response.aread()
                    pace.went_well()
                    return ask.known
                if not rest or response.status_code not in PARTS:
                    self._require_ok(place, response, pace)
                await self._receive(place, response, arriving)
            finally:
                await response.aclose()
            pace.went_well()
        digest = "" if ask.method == "HEAD" else await arriving.download.keep()
        return described(place.url, arriving.first or response, digest, arriving.download.size)

    async def _receive(self, place: Place, response: httpx.Response, arriving: Arriving) -> None:
        """Take the whole document, or its rest. Raises Unfetched, and TransientError if it is not whole."""
        if response.request.method == "HEAD":
            await response.aread()
            return
        try:
            arriving.answered(place.url, response)
            async for chunk in response.aiter_raw():
                arriving.take(chunk)
                self._require_small(place, arriving.download.size)
        except UnreadableCoding as error:
            raise Unfetched(place.url, str(error)) from None
        arriving.require_whole()

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
        if status in WHOLE:
            return
        if response.request.method == "HEAD" and status in NO_HEAD:
            raise NoHead(place.url)
        if status in {429, 503}:
            wait = retry_after(response.headers.get("Retry-After"))
            pace.too_much(wait or PAUSE)
            raise TransientError(f"{place.url[:200]}: asked to slow down ({status})", wait)
        if status in {401, 403}:
            key = "name it in AGENT_FLOWS_FETCH_CREDENTIALS"
            raise Unfetched(place.url, f"status {status}: if the host expects a key, {key}")
        if status in {204, 205, 206}:
            raise Unfetched(place.url, f"status {status}, which is not the whole document")
        if (400 <= status < 500 and status not in LATER) or status == 501:
            raise Unfetched(place.url, f"status {status}")
        raise TransientError(f"{place.url[:200]}: status {status}")

    def _require_small(self, place: Place, size: int) -> None:
        if size > self.caps.bytes:
            raise Unfetched(place.url, f"more than {self.caps.bytes:,} bytes")

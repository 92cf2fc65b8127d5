"""Posts to URLs that customers name: checked as what is fetched is, bounded in bytes and time."""

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from agents.runtime.clock import within
from agents.runtime.errors import TransientError
from agents.services.fetching.addresses import AddressNotAllowed, Place, checked, place_of
from agents.services.fetching.connections import opened, request_to
from agents.services.http import retry_after

KEPT = 1_000  # bytes of an answer's body that are read; the rest is of no use
BODY_SECONDS = 2.0  # for which a body is waited for; the status says what matters


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent where: bytes with their headers."""

    url: str
    headers: dict[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Posted:
    """The answer: its status, the beginning of its text, and for how long the host asks to wait, in seconds."""

    status: int
    text: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts over HTTPS to public addresses only.

    Args:
        allowed: "host:port" pairs that may be private, and spoken to without TLS.
        connect: Seconds to connect.
        seconds: Seconds for the whole call.

    """

    allowed: frozenset[str] = frozenset()
    connect: float = 5.0
    seconds: float = 15.0

    async def check(self, url: str) -> None:
        """Raise AddressNotAllowed if nothing is posted there, TransientError if its host has no address now."""
        try:
            async with within(self.connect):
                await checked(self._place_of(url), self.allowed)
        except TimeoutError:
            raise TransientError(f"{url[:200]}: its host has no address now") from None

    async def post(self, post: Post) -> Posted:
        """Post once. The addresses of the host are checked at each call, and no redirect is followed.

        Raises AddressNotAllowed, and TransientError if there is no answer in time.
        """
        place = self._place_of(post.url)
        try:
            async with within(self.seconds), opened(place, self.connect, self.seconds) as client:
                target = await checked(place, self.allowed)
                request = request_to(client, "POST", target, post.headers, post.content)
                response = await client.send(request, stream=True)
                try:
                    text = await _beginning(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise TransientError(f"no answer within {self.seconds:g} s") from None
        except httpx.HTTPError as error:
            raise TransientError(f"no answer ({type(error).__name__})") from None
        return Posted(response.status_code, text, retry_after(response.headers.get("Retry-After")))

    def _place_of(self, url: str) -> Place:
        place = place_of(url)
        if place.scheme != "https" and f"{place.host}:{place.port}" not in self.allowed:
            raise AddressNotAllowed(url, "scheme", "only https is allowed")
        if urlsplit(url).fragment:
            raise AddressNotAllowed(url, "fragment", "a fragment is never sent")
        return place


async def _beginning(response: httpx.Response) -> str:
    """The beginning of the answer's body; one that breaks off or is slow has its status all the same."""
    content = b""
    with suppress(httpx.HTTPError, TimeoutError):
        async with within(BODY_SECONDS):
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) >= KEPT:
                    break
    return content[:KEPT].decode("utf-8", "replace").replace("\x00", "\ufffd")

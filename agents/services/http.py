"""The one place where an HTTP call to a service is made: its deadlines, and what each failure means.

The service gets the time that is left for the call as the preference `wait`, in whole seconds.
Source: RFC 7240, Prefer Header for HTTP, section 4.3.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import httpx
import orjson

from agents.runtime.clock import budget, within
from agents.runtime.errors import KeySpent, PermanentError, TransientError, UnknownOutcome
from agents.runtime.telemetry import traceparent
from agents.runtime.testing import failpoint
from agents.runtime.tracing import calling, recorder
from agents.services.proxies import proxy_for, tls

T = TypeVar("T")
Body = dict[str, Any]

MOST_CONNECTIONS = 64
LARGEST_BODY = 1_000_000
LONGEST_RETRY_AFTER = 300.0
LONGEST_KEY = 255  # at Stripe, https://docs.stripe.com/api/idempotent_requests
# Common servers close an idle connection after 5 s; below that no call races with the close.
KEEP_ALIVE_SECONDS = 4.0

# Marks an answer that was stored under the key and is sent again, failures too.
# Source: https://docs.stripe.com/error-low-level, section Idempotency.
REPLAYED = "Idempotent-Replayed"

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds to connect, to wait for each byte, and for the whole call."""

    connect: float = 2.0
    read: float = 5.0
    total: float = 8.0


class Rejected(PermanentError):
    """The service understood the call and refuses it for good."""

    def __init__(self, service: str, operation: str, code: str) -> None:
        super().__init__(service, operation, code)
        self.service, self.operation, self.code = service, operation, code

    def __str__(self) -> str:
        return f"{self.service} rejected {self.operation}: {self.code}"


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a service; `answers` are the error statuses that the adapter interprets itself."""

    operation: str
    method: str
    path: str
    json: Body | None = None
    form: tuple[tuple[str, str], ...] | None = None
    key: str = ""
    answers: frozenset[int] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether the call may change anything at the service."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer to a call."""

    service: str
    call: Call
    status: int
    body: Body

    @property
    def ok(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300

    def parsed(self, shape: Callable[[Body], T]) -> T:
        """The body through `shape`. Raises UnknownOutcome (for a read TransientError) if it does not fit."""
        try:
            return shape(self.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _unclear(self.service, self.call, "answered in an unknown form") from None

    def rejected(self, code: str) -> Rejected:
        """The error for an answer that refuses the call for good."""
        return Rejected(self.service, self.call.operation, code or f"status {self.status}")


class HttpApi:
    """A service behind a URL. Calls are bounded in time and size and never follow a redirect."""

    def __init__(
        self,
        service: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines = Deadlines(),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.service, self.url, self._deadlines = service, url.rstrip("/"), deadlines
        self._headers = {
            "User-Agent": "agent-flows",
            "Accept-Encoding": "identity",
            **(headers or {}),
        }
        self._transport = transport
        self._slots = asyncio.Semaphore(MOST_CONNECTIONS)
        self._clients: set[httpx.AsyncClient] = set()
        self._free: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in list(self._clients):  # a cancelled call removes its own client
            await client.aclose()

    async def read(self, operation: str, path: str, *answers: int) -> Answer:
        """Ask for something. Raises TransientError."""
        return await self.call(Call(operation, "GET", path, answers=frozenset(answers)))

    async def call(self, call: Call) -> Answer:
        """Make the call once. Raises TransientError, and UnknownOutcome if a write may have happened."""
        if recorder() is None:
            return await self._call(call)
        with calling(self._name(call)) as attributes:
            answer = await self._call(call)
            attributes["http.response.status_code"] = answer.status
            return answer

    async def _call(self, call: Call) -> Answer:
        progress, total = _Progress(), min(self._deadlines.total, budget())
        if total <= 0:
            raise TransientError(f"{self._name(call)}: no time left to call")
        try:
            async with within(total), self._slots:
                status, headers, content = await self._send(call, progress)
        except _NOT_SENT as error:
            raise TransientError(
                f"{self._name(call)}: no connection ({type(error).__name__})"
            ) from None
        except TimeoutError:
            if not progress.sent:
                raise TransientError(
                    f"{self._name(call)}: no connection within {total:.3g} s"
                ) from None
            raise _unclear(self.service, call, f"no answer within {total:.3g} s") from None
        except httpx.HTTPError as error:
            raise _unclear(
                self.service, call, f"the answer broke off ({type(error).__name__})"
            ) from None
        return self._answer(call, status, headers, content)

    async def _send(self, call: Call, progress: "_Progress") -> tuple[int, httpx.Headers, bytes]:
        content, kind = _encoded(call)
        headers = {"traceparent": traceparent(), "Prefer": f"wait={ceil(budget())}", **kind}
        if call.key:
            headers["Idempotency-Key"] = header_key(call.key)
        async with self._client() as client:
            request = client.build_request(
                call.method,
                self.url + call.path,
                content=content,
                headers=headers,
                extensions=progress.watch,
            )
            failpoint("request")
            response = await client.send(request, stream=True)
            failpoint("response")
            try:
                return response.status_code, response.headers, await self._body(call, response)
            finally:
                await response.aclose()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A free client with one connection; after a failure it is closed.

        httpx's own pool scans all 64 connections at every call, which costs more than the call, and a
        call that is cancelled at a bad moment never gives its place in that pool back.
        """
        client = self._free.pop() if self._free else self._opened()
        try:
            yield client
        except BaseException:
            self._clients.remove(client)
            await client.aclose()
            raise
        self._free.append(client)

    def _opened(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE_SECONDS)
        client = httpx.AsyncClient(
            headers=self._headers,
            follow_redirects=False,
            trust_env=False,
            proxy=None if self._transport else proxy_for(self.url),
            verify=tls(),
            timeout=httpx.Timeout(self._deadlines.read, connect=self._deadlines.connect),
            limits=limits,
            transport=self._transport,
        )
        self._clients.add(client)
        return client

    async def _body(self, call: Call, response: httpx.Response) -> bytes:
        content = b""
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > LARGEST_BODY:
                raise _unclear(self.service, call, f"answered more than {LARGEST_BODY} bytes")
        return content

    def _answer(self, call: Call, status: int, headers: httpx.Headers, content: bytes) -> Answer:
        if not (200 <= status < 300 or status in call.answers):
            self._raise_for(call, status, headers)
        try:
            body = orjson.loads(content) if content else {}
        except ValueError:
            raise _unclear(self.service, call, "answered something that is not JSON") from None
        if not isinstance(body, dict):
            raise _unclear(self.service, call, "answered something that is not an object")
        return Answer(self.service, call, status, body)

    def _raise_for(self, call: Call, status: int, headers: httpx.Headers) -> None:
        wait = retry_after(headers.get("Retry-After"))
        if status == 429:
            raise TransientError(f"{self._name(call)}: asked to slow down (429)", wait)
        if status == 409:
            raise TransientError(f"{self._name(call)}: the same call is in flight (409)", wait)
        if status >= 500 and call.writes and headers.get(REPLAYED) == "true":
            raise KeySpent(f"{self._name(call)}: repeats its status {status} under this key")
        if status == 503 and wait is not None:
            raise TransientError(f"{self._name(call)}: out of service (503)", wait)
        if status >= 500:
            raise _unclear(self.service, call, f"failed with status {status}")
        if status in (401, 403, 404) or status < 400:
            # A wrong account or URL says nothing about the item and must not compensate a thousand orders.
            raise TransientError(
                f"{self._name(call)}: status {status}, check the service's URL and credentials"
            )
        raise Rejected(self.service, call.operation, f"status {status}")

    def _name(self, call: Call) -> str:
        return f"{self.service} {call.operation}"


class _Progress:
    """Whether a byte of the request was sent: before that, nothing can have happened."""

    def __init__(self) -> None:
        self.sent = False
        self.watch: dict[str, Any] = {"trace": self._trace}

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        # A proxy is first asked for a connection, which sends nothing to the service.
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.sent = True


def header_key(key: str) -> str:
    """The key as providers take it: one that is too long for them, or not ASCII, is hashed."""
    if len(key) <= LONGEST_KEY and key.isascii():
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def retry_after(value: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, as seconds or as a date, at most 300."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else _until(value)
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()


def _encoded(call: Call) -> tuple[bytes | None, dict[str, str]]:
    if call.json is not None:
        return orjson.dumps(call.json), {"Content-Type": "application/json"}
    if call.form is not None:
        kind = "application/x-www-form-urlencoded"
        return urlencode(call.form).encode(), {"Content-Type": kind}
    return None, {}


def _unclear(service: str, call: Call, what: str) -> TransientError:
    kind = UnknownOutcome if call.writes else TransientError
    return kind(f"{service} {call.operation}: {what}")

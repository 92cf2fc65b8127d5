"""Limits of requests, kept while they arrive: headers, size and time of the body, and memory for all.

`RequestLimits` is for the application under any server. `LimitedProtocol` gives uvicorn the limits that
only a server can keep: the size of the headers and the time in which they arrive.
"""

import asyncio
import sys
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from deployments.gateway.problems import MEDIA_TYPE, Problem

NDJSON = "application/x-ndjson"
MOST_HEADERS = 100
MOST_HEADER_BYTES = 16 * 2**10
HEADER_SECONDS = 10.0  # from the first byte of a request to its last header
HELD_BYTES = 256 * 2**20  # of all bodies that are in memory


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What one body may cost; `kept` says that its parts stay in memory until the answer."""

    most: int
    seconds: float
    kept: bool


ONE_ITEM = BodyLimits(2**20, 30.0, kept=True)
MANY_ITEMS = BodyLimits(64 * 2**20, 600.0, kept=False)


class RequestLimits:
    """Refuses a request beyond its limits as soon as it is beyond them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; reading its body raises Problem when it is too much."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = _unclear(headers)
        if problem is not None:
            await problem.response()(scope, receive, send)
            return
        body = _Body(self, receive, headers, _limits_of(scope, headers))
        try:
            await self.app(scope, body.receive, send)
        finally:
            self._held -= body.held

    def hold(self, size: int) -> None:
        """Count bytes that a request keeps. Raises Problem 503 if all requests keep too many."""
        self._held += size
        if self._held > HELD_BYTES:
            raise Problem(
                503,
                "busy",
                "the gateway holds as many requests as it can",
                "send it again later, with the same Idempotency-Key",
                headers={"Retry-After": "1"},
            )


class _Body:
    """The body of one request."""

    def __init__(
        self, limits: RequestLimits, receive: Receive, headers: Headers, mine: BodyLimits
    ) -> None:
        self._all, self._receive, self._mine = limits, receive, mine
        self._declared = int(headers.get("content-length") or 0)
        self._until = asyncio.get_running_loop().time() + mine.seconds
        self._read, self._more, self.held = 0, True, 0

    async def receive(self) -> Message:
        """The next part of the body. Raises Problem 408, 413 and 503."""
        if not self._more:
            return await self._receive()
        if self._declared > self._mine.most:
            raise too_large(self._mine.most)
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise too_slow(self._mine.seconds) from None
        self._more = message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, size: int) -> None:
        self._read += size
        if self._read > self._mine.most:
            raise too_large(self._mine.most)
        if self._mine.kept:
            self.held += size
            self._all.hold(size)


def too_large(limit: int) -> Problem:
    """The answer to a body beyond its limit; the rest of it is not read."""
    return Problem(
        413,
        "too-large",
        f"the body is larger than {limit:,} bytes",
        f"send fewer or smaller items, or many as {NDJSON}",
        rule="too-large",
        limit=limit,
        headers={"Connection": "close"},
    )


def too_slow(limit: float) -> Problem:
    """The answer to a request that does not arrive in time."""
    return Problem(
        408,
        "too-slow",
        f"the request did not arrive within {limit:g} seconds",
        "send it again; what was accepted is recognised",
        rule="too-slow",
        limit=int(limit),
        headers={"Connection": "close"},
    )


def _limits_of(scope: Scope, headers: Headers) -> BodyLimits:
    is_submission = scope["method"] == "POST" and scope["path"].startswith("/v/")
    many = headers.get("content-type", "").partition(";")[0].strip().lower() == NDJSON
    return MANY_ITEMS if is_submission and many else ONE_ITEM


def _unclear(headers: Headers) -> Problem | None:
    """Why nobody reads the request: two servers could see different requests in it, or it is too much."""
    size = sum(len(name) + len(value) for name, value in headers.raw)
    if len(headers) > MOST_HEADERS or size > MOST_HEADER_BYTES:
        return _too_many_headers()
    lengths = headers.getlist("content-length")
    chunked = "transfer-encoding" in headers
    if len(lengths) > 1 or (lengths and chunked) or not all(map(_is_size, lengths)):
        return Problem(
            400,
            "unclear-length",
            "the request says more than once, or not at all, how long its body is",
            "send either one Content-Length or Transfer-Encoding: chunked (RFC 9112, section 6.3)",
            field="Content-Length",
            headers={"Connection": "close"},
        )
    return None


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _crowded(limit: int) -> Problem:
    return Problem(
        503,
        "busy",
        f"the gateway has {limit:,} connections, which is its limit",
        "send it again later, with the same Idempotency-Key",
        rule="connections",
        limit=limit,
        headers={"Retry-After": "1", "Connection": "close"},
    )


def _too_many_headers() -> Problem:
    return Problem(
        431,
        "headers-too-large",
        "the request has too many or too long headers",
        f"send at most {MOST_HEADERS} headers, and 16 KiB of them",
        rule="too-large",
        limit=MOST_HEADERS,
        headers={"Connection": "close"},
    )


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol with a time limit for headers, and problem details for what is not HTTP.

    uvicorn alone waits for ever for the rest of a request that has begun.
    """

    _headers_end: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._serve, self._most = self.app, self.limit_concurrency
        self.app, self.limit_concurrency = self._unless_crowded, None

    async def _unless_crowded(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the request; refuse it in problem details beyond the limit of connections."""
        if self._most is not None and len(self.connections) > self._most:
            await _crowded(self._most).response()(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    def connection_made(self, transport: Any) -> None:
        """Expect the first request."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take more of a request."""
        super().data_received(data)
        if self.transport.is_closing() or not self._is_idle():
            self._stop_waiting()
        elif self._headers_end is None:
            self._await_headers()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP; h11 says by which status."""
        error = sys.exc_info()[1]
        if getattr(error, "error_status_hint", 400) == 431:
            self._refuse(_too_many_headers())
        else:
            self._refuse(Problem(400, "invalid-http", msg, "send a request by RFC 9112"))

    def _is_idle(self) -> bool:
        """Whether no request is in work, so that the data is the beginning of the next."""
        cycle: Any = self.cycle
        return cycle is None or cycle.response_complete

    def _await_headers(self) -> None:
        self._headers_end = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._headers_end is not None:
            self._headers_end.cancel()
            self._headers_end = None

    def _too_slow(self) -> None:
        self._headers_end = None
        if self._is_idle() and not self.transport.is_closing():
            self._refuse(too_slow(HEADER_SECONDS))

    def _refuse(self, problem: Problem) -> None:
        """Answer without a request that could be passed on, and close."""
        body = orjson.dumps(problem.body())
        head = (
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

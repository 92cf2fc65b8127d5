"""What all providers of the sandbox share: one transaction a call, its line, and its fault."""

import asyncio
import base64
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agents.services.sandbox.faults import HEADER, ONCE, BadFaultScript, parse_faults
from agents.services.sandbox.record import transaction

HOLD_SECONDS = 60.0
SLOW_SECONDS = 0.3
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call as it came in; the work itself heeds the faults decline, refuse and lost."""

    method: str
    url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    fault: str = ""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refusal."""
        try:
            body = orjson.loads(self.content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal(
                Reply(400, {"error": "not_json", "message": "the body is not a JSON object"})
            )
        return body


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answers."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] | None = None


class Refusal(Exception):
    """Ends the work with this reply; nothing was done."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Operation:
    """One route of a provider. `subject` says which key and reference a call is about.

    Stocking the shelves is set-up: the record of calls leaves out what is not `recorded`.
    """

    name: str
    method: str
    path: str
    subject: Callable[[sqlite3.Connection, Incoming], tuple[str, str]]
    work: Callable[[sqlite3.Connection, Incoming], Reply]
    recorded: bool = True


class Breakable(H11Protocol):
    """An HTTP connection that a fault can cut."""

    transports: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection by its peer."""
        super().connection_made(transport)
        if self.client:
            self.transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        if self.client:
            self.transports.pop(self.client, None)


def slice_of(incoming: Incoming) -> tuple[float, str, int]:
    """Since when, after which key and how many a listing is asked for. Raises Refusal."""
    asked = incoming.query
    try:
        since, limit = float(asked.get("since", "0")), int(asked.get("limit", "100"))
    except ValueError:
        since, limit = 0.0, 0
    if not 1 <= limit <= MOST_LISTED:
        text = f"since is a number, limit a whole number from 1 to {MOST_LISTED}"
        raise Refusal(Reply(400, {"error": "bad_slice", "message": text}))
    return since, asked.get("after", ""), limit


def route(db: sqlite3.Connection, operation: Operation) -> Route:
    """The Starlette route of an operation."""

    async def endpoint(request: Request) -> Response:
        incoming = Incoming(
            operation.method,
            request.url.path,
            request.path_params,
            request.query_params,
            request.headers,
            await request.body(),
        )
        try:
            reply, fault = _perform(db, operation, incoming)
        except Refusal as refusal:
            reply, fault = refusal.reply, ""
        except BadFaultScript as error:
            reply, fault = Reply(400, {"error": "bad_faults", "message": str(error)}), ""
        return await _deliver(request, reply, fault)

    return Route(operation.path, endpoint, methods=[operation.method])


def _perform(db: sqlite3.Connection, operation: Operation, incoming: Incoming) -> tuple[Reply, str]:
    """Do the work and write its line in one transaction: a killed sandbox did both or neither."""
    with transaction(db):
        key, reference = operation.subject(db, incoming)
        fault = _fault(db, operation.name, (key, reference), incoming.headers.get(HEADER, ""))
        reply = _NOTHING_DONE.get(fault) or _worked(db, operation, replace(incoming, fault=fault))
        if operation.recorded:
            db.execute(
                "INSERT INTO calls (at, operation, key, reference, fault, status) VALUES (?, ?, ?, ?, ?, ?)",
                (time.time(), operation.name, key, reference, fault, reply.status),
            )
    return reply, fault


def _worked(db: sqlite3.Connection, operation: Operation, incoming: Incoming) -> Reply:
    try:
        return operation.work(db, incoming)
    except Refusal as refusal:
        return refusal.reply


def _fault(db: sqlite3.Connection, operation: str, about: tuple[str, str], script: str) -> str:
    key, reference = about
    fault = parse_faults(script).draw(operation, reference or key) if script else ""
    if fault not in ONCE:
        return fault
    seen = db.execute(
        "SELECT 1 FROM calls WHERE operation = ? AND key = ? LIMIT 1", (operation, key)
    )
    return "" if seen.fetchone() else fault


_NOTHING_DONE = {
    "rate_limit": Reply(429, {"error": "rate_limit"}, {"Retry-After": "1"}),
    "outage": Reply(503, {"error": "outage"}, {"Retry-After": "2"}),
}


async def _deliver(request: Request, reply: Reply, fault: str) -> Response:
    content = orjson.dumps(reply.body)
    if fault == "slow":
        await asyncio.sleep(SLOW_SECONDS)
    if fault == "timeout":
        await _gone(request)
    if fault in ("timeout", "reset"):
        _cut(request, abort=True)
        await _gone(request)
    if fault == "truncated":
        return _Truncated(request, content)
    if fault in ("error", "lost"):
        return Response(b'{"error":"internal"}', 500, media_type="application/json")
    return Response(content, reply.status, reply.headers, "application/json")


class _Truncated(Response):
    """A good start, half a body, and the end of the connection."""

    def __init__(self, request: Request, content: bytes) -> None:
        super().__init__(content, media_type="application/json")
        self._request = request

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send half and hang up."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _cut(self._request, abort=False)
        await _gone(self._request)


def _cut(request: Request, *, abort: bool) -> None:
    client = request.client
    transport = Breakable.transports.get((client.host, client.port)) if client else None
    if transport is not None:
        cut = transport.abort if abort else transport.close
        cut()


async def _gone(request: Request) -> None:
    """Wait until the client has given up, within a bound."""
    with suppress(TimeoutError):
        async with asyncio.timeout(HOLD_SECONDS):
            while (await request.receive())["type"] != "http.disconnect":
                pass


def presented(authorization: str) -> str:
    """The token of an Authorization header, bearer or basic."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return base64.b64decode(value).decode().partition(":")[0]
        return ""
    return value if scheme.lower() == "bearer" else ""

"""How the sandbox serves an operation: one transaction a call, its row in the record, its fault."""

import asyncio
import base64
import sqlite3
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agents.services.sandbox.faults import ONCE, BadFaultScript, parse_faults, subject_of
from agents.services.sandbox.idempotency import FAILED, Idempotent, in_work
from agents.services.sandbox.operation import (
    FAULTS_HEADER,
    Incoming,
    Operation,
    Refusal,
    Reply,
)
from agents.services.sandbox.record import transaction

HOLD_SECONDS = 60.0
SLOW_SECONDS = 0.3


class Breakable(H11Protocol):
    """An HTTP connection that a fault can cut."""

    transports: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection by its client."""
        super().connection_made(transport)
        if self.client:
            self.transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        if self.client:
            self.transports.pop(self.client, None)


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
            reply, fault = perform(db, operation, incoming)
        except Refusal as refusal:
            reply, fault = refusal.reply, ""
        except BadFaultScript as error:
            reply, fault = Reply(400, {"error": "bad_faults", "message": str(error)}), ""
        with in_work(incoming) if fault == "slow" else nullcontext():
            return await _deliver(request, reply, fault)

    return Route(operation.path, endpoint, methods=[operation.method])


def perform(db: sqlite3.Connection, operation: Operation, incoming: Incoming) -> tuple[Reply, str]:
    """Do the work and record the call in one transaction: a killed sandbox has done both or neither."""
    with transaction(db):
        key, reference = operation.subject(db, incoming)
        script = incoming.headers.get(FAULTS_HEADER, "")
        fault = _fault(db, operation.name, (key, reference), script) if script else ""
        nothing_done = _NOTHING_DONE.get(fault)
        if fault == "failure" and isinstance(operation.work, Idempotent):
            nothing_done = None  # the failure is stored under the key, so its work plays it
        reply = nothing_done or _worked(db, operation, replace(incoming, fault=fault))
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
    fault = parse_faults(script).draw(operation, subject_of(key, reference))
    if fault not in ONCE:
        return fault
    # A call that failed under one key and is repeated under another meets the fault once all the same.
    seen = db.execute(
        "SELECT 1 FROM calls WHERE operation = ? AND key = ? UNION ALL"
        " SELECT 1 FROM calls WHERE operation = ? AND reference = ? AND reference <> '' AND fault = ?"
        " LIMIT 1",
        (operation, key, operation, reference, fault),
    )
    return "" if seen.fetchone() else fault


_NOTHING_DONE = {
    "rate_limit": Reply(429, {"error": "rate_limit"}, {"Retry-After": "1"}),
    "failure": FAILED,
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
    if fault in ("error", "lost") and reply.status < 500:
        return Response(b'{"error":"internal"}', 500, media_type="application/json")
    return Response(content, reply.status, reply.headers, "application/json")


class _Truncated(Response):
    """A response that breaks off: status 200, half of the body, then the connection is closed."""

    def __init__(self, request: Request, content: bytes) -> None:
        super().__init__(content, media_type="application/json")
        self._request = request

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send half of the body and close the connection."""
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
    """Wait until the client has disconnected, at most HOLD_SECONDS."""
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

"""Hardening: what no request needs is refused before any route sees it, and answers say what browsers may do.

Sources: RFC 9110 and RFC 9112; OWASP, HTTP Security Response Headers Cheat Sheet.
"""

import re
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.gateway.problems import Problem

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
LONGEST_PATH, LONGEST_QUERY = 2_048, 4_096  # bytes
MOST_PARAMETERS = 100
HOST = re.compile(r"([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?", re.IGNORECASE)
PATH = re.compile(rb"/[\x21-\x7e]*")
DOT_SEGMENT = re.compile(rb"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)
CONTROL = re.compile(rb"%(0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)

# For answers that do not say otherwise, as the console's pages do.
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",  # the console shows reports in frames
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def harden(app: FastAPI, hosts: Iterable[str] = ()) -> None:
    """Refuse requests for other hosts and with unclear targets; call it after all other middleware.

    No other origin may read an answer, since nothing here sends a header of CORS.

    Args:
        app: The application.
        hosts: The names under which callers reach it, beside those of the loopback interface: a page
            whose own name leads here (DNS rebinding) does not reach it.

    """
    app.router.redirect_slashes = False  # a path has one form
    app.add_middleware(Hardening, hosts=LOOPBACK_NAMES | {host.lower() for host in hosts})


class Hardening:
    """The middleware of `harden`."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with a problem."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        state = scope.setdefault("state", {})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                own = [
                    (name.lower().encode(), value.encode())
                    for name, value in state.get("answer_headers", {}).items()
                ]
                more = [header for header in (*own, *ENCODED) if header[0] not in given]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        problem = (
            _unknown_version(scope)
            or self._misdirected(Headers(scope=scope))
            or _unclear_target(scope)
        )
        answer = self.app if problem is None else problem.response()
        await answer(scope, receive, with_headers)

    def _misdirected(self, headers: Headers) -> Problem | None:
        found = headers.getlist("host")
        name = HOST.fullmatch(found[0]) if len(found) == 1 else None
        if name is not None and name[1].lower() in self._hosts:
            return None
        return Problem(
            421,
            "unknown-host",
            "this gateway does not answer for the host that the request names",
            "use a name of AGENT_FLOWS_GATEWAY_HOSTS, or 127.0.0.1 on the same machine",
            field="Host",
        )


def _unknown_version(scope: Scope) -> Problem | None:
    """Why nothing more is read of what is not HTTP/1; h11 takes every number for a version."""
    if scope.get("http_version", "1.1") in {"1.0", "1.1"}:
        return None
    detail = f"HTTP/{scope['http_version']} is not spoken here"
    return Problem(400, "http-version", detail, "use HTTP/1.1", headers={"Connection": "close"})


def _unclear_target(scope: Scope) -> Problem | None:
    """Why the target of the request is refused; None if it is clear."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    if len(path) > LONGEST_PATH or len(query) > LONGEST_QUERY:
        limit = f"{LONGEST_PATH:,} bytes of path and {LONGEST_QUERY:,} of query at most"
        return Problem(414, "target-too-long", "the address is too long", f"send {limit}")
    if query.count(b"&") >= MOST_PARAMETERS:
        advice = f"send {MOST_PARAMETERS} at most"
        return Problem(400, "too-many-parameters", "the query has too many parameters", advice)
    if not PATH.fullmatch(path) or b"//" in path or DOT_SEGMENT.search(path):
        detail = "the path is not absolute, or has empty or dot segments"
        return Problem(400, "unclear-path", detail, "send the path in its shortest form")
    if CONTROL.search(path) or CONTROL.search(query):
        detail = "the address has control characters"
        return Problem(400, "control-characters", detail, "leave them out")
    return None

"""Counts and times the gateway's requests by route template, method and class of the answer.

No label has a path: a key, a cursor or a made-up address would each be a series of its own.
"""

from time import perf_counter

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.runtime.metrics import HTTP_SECONDS

NO_ROUTE = "(none)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Observes each request when its answer begins; a stream of events may go on for hours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and observe its answer; an error without an answer is a 5xx."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, answered = perf_counter(), False

        async def observed(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                observe(scope, message["status"], perf_counter() - begun)
            await send(message)

        try:
            await self.app(scope, receive, observed)
        finally:
            if not answered:
                observe(scope, 500, perf_counter() - begun)


def observe(scope: Scope, status: int, seconds: float) -> None:
    """Add one request to the metric."""
    route: BaseRoute | None = scope.get("route")
    template = getattr(route, "path", None) or NO_ROUTE
    method = scope["method"] if scope["method"] in METHODS else "(other)"
    HTTP_SECONDS.labels(template, method, _class_of(status)).observe(seconds)


def _class_of(status: int) -> str:
    return "429" if status == 429 else f"{status // 100}xx"

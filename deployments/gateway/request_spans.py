"""A span for each request, in the trace of its caller if the caller has one.

Made here and not by OpenTelemetry's instrumentation for ASGI, which makes one for each message of a request
and its answer as well. The answer names the span in `traceresponse`.
Source: https://www.w3.org/TR/trace-context-2/, and its draft for response headers.
"""

from collections.abc import Sequence

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.runtime.clock import clock
from agents.runtime.journal.submit import NewItem
from agents.runtime.telemetry import current_work, within
from agents.runtime.trace_context import (
    TraceContext,
    new_span,
    new_trace,
    read_traceparent,
    received,
)
from agents.runtime.tracing import Link, Span, new_root, recorder

FAILED = 500  # the first status that is the server's fault


class RequestSpans:
    """Records a span for each request while traces are on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if recorder() is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cause = received(Headers(scope=scope).getlist("traceparent"))
        mine = cause.child() if cause else new_root(new_trace(), new_span())
        span = Span("", mine, cause, clock().time(), 0.0, "SERVER", {})

        async def with_trace(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.attributes["http.response.status_code"] = message["status"]
                header = (b"traceresponse", mine.header.encode())
                message["headers"] = [*message["headers"], header]
            await send(message)

        try:
            with within(mine):
                await self.app(scope, receive, with_trace)
        finally:
            _record(span, scope)


def cause_of(request: Request) -> TraceContext | None:
    """What an item that the request makes was caused by: the span of the request, or else its caller."""
    if recorder() is not None:
        return current_work().within
    return received(request.headers.getlist("traceparent"))


def begun_by(cause: TraceContext | None) -> tuple[str, str | None]:
    """Trace and traceparent of a new item: those of its cause, or of a trace of its own.

    Each of many items in one request has its own, since a trace of thousands of items shows nobody anything.
    """
    if cause is not None:
        return cause.trace, cause.header
    trace = new_trace()
    return trace, None if recorder() is None else new_root(trace, new_span()).header


def record_accepted(workflow: str, new: Sequence[NewItem]) -> None:
    """The spans with which the traces of many items begin; they link to that of their request."""
    to, request = recorder(), current_work().within
    if to is None:
        return
    now = clock().time()
    links = [Link(request)] if request else []
    for item in new:
        mine = read_traceparent(item.traceparent)
        if mine is not None and mine.sampled:
            to.record(Span(f"{workflow} accept", mine, None, now, now, "PRODUCER", {}, links))


def _record(span: Span, scope: Scope) -> None:
    """Record the span under the path of its route: paths themselves have keys of items."""
    to = recorder()
    if to is None or not span.context.sampled:
        return
    route = getattr(scope.get("route"), "path", "")
    span.name, span.ended = f"{scope['method']} {route}".strip(), clock().time()
    span.attributes |= {"http.request.method": scope["method"], "http.route": route}
    if int(span.attributes.get("http.response.status_code", FAILED)) >= FAILED:
        span.error = str(span.attributes.get("http.response.status_code", "no answer"))
    to.record(span)

"""Spans to a collector over OTLP/HTTP: encoded here, sent by OpenTelemetry's SDK, which reads its own environment.

Some spans at a time become a part of the next request, and are no objects of Python from then on. The SDK's own
way costs several times as much processor time; figures are in README.md.
"""

import logging
import os
from collections import deque
from collections.abc import Mapping
from functools import cache
from threading import Event, Lock, Thread
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_BSP_SCHEDULE_DELAY,
    OTEL_RESOURCE_ATTRIBUTES,
    OTEL_SERVICE_NAME,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from agents.runtime.redaction import redacted
from agents.runtime.telemetry import get_logger
from agents.runtime.tracing import Kind, Scope, Span

log = get_logger(__name__)

# Spans of a request: about 130 bytes each. Fewer make more requests, and each costs as much as 300 spans.
MOST_SENT = 2_048
# Spans that are encoded together. Between two calls of an agent a processor forgets how to: one alone takes 13 us
# instead of 3.5.
AT_ONCE = 64
# A batch ends many spans at once; when more wait than this, the oldest are dropped.
MOST_WAITING = 16_384
# Milliseconds after which spans are sent: what a process that is killed had not sent is lost.
DELAY = 1_000

_NANOSECONDS = 1_000_000_000
_KINDS: Mapping[Kind, trace_pb2.Span.SpanKind.ValueType] = {
    "INTERNAL": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "SERVER": trace_pb2.Span.SPAN_KIND_SERVER,
    "CLIENT": trace_pb2.Span.SPAN_KIND_CLIENT,
    "PRODUCER": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "CONSUMER": trace_pb2.Span.SPAN_KIND_CONSUMER,
}


class OtlpRecorder:
    """Records spans with the SDK's sampler, resource and HTTP client, and sends them by a thread of its own."""

    def __init__(self) -> None:
        _say_problems_once()
        is_named = OTEL_SERVICE_NAME in os.environ or f"{SERVICE_NAME}=" in os.environ.get(
            OTEL_RESOURCE_ATTRIBUTES, ""
        )
        resource = Resource.create({} if is_named else {SERVICE_NAME: "agent-flows"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._sampler, self._exporter = provider.sampler, _Exporter()
        self._empty = encode_spans(
            [ReadableSpan("", INVALID_SPAN_CONTEXT, resource=provider.resource)]
        )
        self._empty.resource_spans[0].ClearField("scope_spans")
        waiting = _number(OTEL_BSP_MAX_QUEUE_SIZE, MOST_WAITING)
        self._most = min(waiting, _number(OTEL_BSP_MAX_EXPORT_BATCH_SIZE, MOST_SENT))
        self._waiting = deque[_Request](maxlen=waiting // self._most)
        self._ended, self._filled = deque[Span](), _Request(self._empty)
        self._filling, self._sending, self._is_full = Lock(), Lock(), Event()
        self._delay = _number(OTEL_BSP_SCHEDULE_DELAY, DELAY) / 1_000
        Thread(target=self._send_forever, name="spans", daemon=True).start()

    def record(self, span: Span) -> None:
        """Take a span that has ended."""
        self._ended.append(span)
        if len(self._ended) >= AT_ONCE:
            with self._filling:
                self._encode()

    def samples(self, trace: str) -> bool:
        """Whether the spans of a trace are recorded."""
        decided = self._sampler.should_sample(None, int(trace, 16), "")
        return decided.decision is Decision.RECORD_AND_SAMPLE

    def flush(self) -> None:
        """Send what is not sent."""
        with self._filling:
            self._encode()
            self._close()
        self._send()

    def _encode(self) -> None:
        """Add the spans that have ended to requests."""
        while self._ended:
            self._filled.add(self._ended.popleft())
            if self._filled.count >= self._most:
                self._close()
                self._is_full.set()

    def _send(self) -> None:
        with self._sending:
            while self._waiting:
                self._exporter.send(self._waiting.popleft().body.SerializeToString())

    def _close(self) -> None:
        """Let the request that was filled wait for being sent, and begin another one."""
        if self._filled.count:
            if len(self._waiting) == self._waiting.maxlen:
                logging.getLogger(_SDK).warning("the collector is too slow, spans are dropped")
            self._waiting.append(self._filled)
            self._filled = _Request(self._empty)

    def _send_forever(self) -> None:
        while True:
            if self._is_full.wait(self._delay):
                self._is_full.clear()
                self._send()
            else:
                self.flush()


class _Request:
    """A request to the collector that spans are added to; `count` is how many it has."""

    def __init__(self, empty: ExportTraceServiceRequest) -> None:
        self.body, self.count = ExportTraceServiceRequest(), 0
        self.body.CopyFrom(empty)
        self._scopes = dict[Scope, Any]()

    def add(self, span: Span) -> None:
        """Add a span, under its scope."""
        self.count += 1
        spans = self._scopes.get(span.scope)
        if spans is None:
            spans = self._scopes[span.scope] = self._begin(span.scope)
        parent = span.parent
        added = spans.add(
            trace_id=bytes.fromhex(span.context.trace),
            span_id=bytes.fromhex(span.context.span),
            parent_span_id=None if parent is None else bytes.fromhex(parent.span),
            name=span.name,
            kind=_KINDS[span.kind],
            start_time_unix_nano=int(span.begun * _NANOSECONDS),
            end_time_unix_nano=int(span.ended * _NANOSECONDS),
        )
        if span.attributes:
            _describe(added.attributes, span.attributes)
        if span.error:
            _describe(added.attributes, {"error.type": span.error})
            added.status.code = trace_pb2.Status.STATUS_CODE_ERROR
        for link in span.links:
            to = added.links.add(
                trace_id=bytes.fromhex(link.to.trace), span_id=bytes.fromhex(link.to.span)
            )
            _describe(to.attributes, link.attributes)

    def _begin(self, scope: Scope) -> Any:
        scoped = self.body.resource_spans[0].scope_spans.add()
        scoped.scope.name, scoped.scope.version = scope.name, scope.version
        _describe(scoped.scope.attributes, dict(scope.attributes))
        return scoped.spans


class _Exporter(OTLPSpanExporter):
    """The SDK's exporter, for requests that are encoded already."""

    def send(self, body: bytes) -> None:
        """Post a request; it is tried again as the SDK does it, and its problems are logged."""
        self._client.export(body)


def _describe(described: Any, attributes: Mapping[str, str | int | float | bool]) -> None:
    for key, value in attributes.items():
        if isinstance(value, str):
            # A key may have surrogates, which the protocol cannot carry.
            text = value if value.isascii() else value.encode(errors="replace").decode()
            described.add(key=key).value.string_value = text
        elif isinstance(value, bool):
            described.add(key=key).value.bool_value = value
        elif isinstance(value, int):
            described.add(key=key).value.int_value = value
        else:
            described.add(key=key).value.double_value = value


def _number(name: str, otherwise: int) -> int:
    """A number above zero of the environment, as the SDK reads it."""
    text = os.environ.get(name, "").strip()
    return int(text) if text.isdecimal() and int(text) else otherwise


_SDK = "opentelemetry"  # its logger


@cache
def _say_problems_once() -> None:
    """Let the SDK's complaints be one line of our log, however long the collector is away."""
    logger = logging.getLogger(_SDK)
    logger.addHandler(_Once())
    logger.propagate = False


class _Once(logging.Handler):
    """Writes the first warning of the SDK to our log, and no other."""

    said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, if it is the first."""
        if not self.said and record.levelno >= logging.WARNING:
            self.said = True
            reason = redacted(record.getMessage())
            log.warning("traces do not arrive; this is said once", reason=reason)

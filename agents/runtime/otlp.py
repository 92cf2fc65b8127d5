"""Spans to a collector over OTLP/HTTP, by OpenTelemetry's SDK, which reads its own environment.

A span is handed to the SDK when it has ended: `Tracer.start_span` takes 20 us and this 2 us, and a batch of
256 items has thousands. What is sent, when, and how often it is tried is the SDK's own work.
"""

import logging
import os
from collections.abc import Mapping
from functools import cache

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_BSP_SCHEDULE_DELAY,
    OTEL_RESOURCE_ATTRIBUTES,
    OTEL_SERVICE_NAME,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from agents.runtime.redaction import redacted
from agents.runtime.telemetry import get_logger
from agents.runtime.trace_context import TraceContext
from agents.runtime.tracing import Scope, Span

log = get_logger(__name__)

# A batch ends many spans at once. About 1 kB each; when there are more, the oldest are dropped.
MOST_WAITING = 16_384
# Milliseconds after which spans are sent: what a process that is killed had not sent is lost.
DELAY = 1_000

_SAMPLED, _UNSET = TraceFlags(TraceFlags.SAMPLED), Status()
_NANOSECONDS = 1_000_000_000


class OtlpRecorder:
    """Records spans through the SDK's own batches, sampler, resource and exporter."""

    def __init__(self) -> None:
        _say_problems_once()
        is_named = OTEL_SERVICE_NAME in os.environ or f"{SERVICE_NAME}=" in os.environ.get(
            OTEL_RESOURCE_ATTRIBUTES, ""
        )
        resource = Resource.create({} if is_named else {SERVICE_NAME: "agent-flows"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._resource, self._sampler = provider.resource, provider.sampler
        self._processor = BatchSpanProcessor(
            OTLPSpanExporter(),
            max_queue_size=None if OTEL_BSP_MAX_QUEUE_SIZE in os.environ else MOST_WAITING,
            schedule_delay_millis=None if OTEL_BSP_SCHEDULE_DELAY in os.environ else DELAY,
        )

    def record(self, span: Span) -> None:
        """Take a span that has ended."""
        attributes: Mapping[str, str | int | float | bool] = span.attributes
        if span.error:
            attributes = {**attributes, "error.type": span.error}
        self._processor.on_end(
            ReadableSpan(
                span.name,
                _context(span.context),
                None if span.parent is None else _context(span.parent),
                self._resource,
                attributes,
                links=[Link(_context(link.to), link.attributes) for link in span.links],
                kind=SpanKind[span.kind],
                status=Status(StatusCode.ERROR) if span.error else _UNSET,
                start_time=int(span.begun * _NANOSECONDS),
                end_time=int(span.ended * _NANOSECONDS),
                instrumentation_scope=_scope(span.scope),
            )
        )

    def samples(self, trace: str, parent: TraceContext | None) -> bool:
        """Whether the spans of a trace are recorded."""
        above = None if parent is None else set_span_in_context(NonRecordingSpan(_context(parent)))
        decided = self._sampler.should_sample(above, int(trace, 16), "")
        return decided.decision is Decision.RECORD_AND_SAMPLE

    def flush(self) -> None:
        """Send what is not sent."""
        self._processor.force_flush()


def _context(context: TraceContext) -> SpanContext:
    flags = _SAMPLED if context.sampled else TraceFlags.get_default()
    return SpanContext(
        int(context.trace, 16), int(context.span, 16), is_remote=True, trace_flags=flags
    )


@cache
def _scope(scope: Scope) -> InstrumentationScope:
    return InstrumentationScope(scope.name, scope.version, attributes=dict(scope.attributes))


@cache
def _say_problems_once() -> None:
    """Let the SDK's complaints be one line of our log, however long the collector is away."""
    logger = logging.getLogger("opentelemetry")
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

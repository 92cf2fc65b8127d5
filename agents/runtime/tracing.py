"""Traces: spans of what this process does, for an OpenTelemetry collector.

Off unless the standard environment of OpenTelemetry names an OTLP endpoint; then nothing is imported and
nothing recorded. Spans are written when they have ended: a process that is killed loses at most those
that it had not sent yet, and those that it was within.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agents.runtime.clock import clock
from agents.runtime.telemetry import current_work, within
from agents.runtime.trace_context import TraceContext

FLUSH_SECONDS = 2.0  # for which a process that ends waits for its collector

Kind = Literal["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
Attributes = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Scope:
    """What made a span: a part of this project or an agent, with its version and what is true of all its spans."""

    name: str = "agent_flows"
    version: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


OURS = Scope()


@dataclass(frozen=True, slots=True)
class Link:
    """A span that another one waited for or worked with, in this trace or another one."""

    to: TraceContext
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Span:
    """A span that has ended, from `begun` to `ended` in seconds since 1970. `error` is the class of its error."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    begun: float
    ended: float
    kind: Kind = "INTERNAL"
    attributes: Attributes = field(default_factory=Attributes)
    links: Sequence[Link] = ()
    error: str = ""
    scope: Scope = OURS


class Recorder(Protocol):
    """What takes spans. It never waits and never raises because of the collector."""

    def record(self, span: Span) -> None:
        """Take a span; whether it is sampled was decided with its trace."""

    def samples(self, trace: str, parent: TraceContext | None) -> bool:
        """Whether the spans of a trace are recorded, as the configured sampler decides."""

    def flush(self) -> None:
        """Send what is not sent; this may take long."""


_recorder: Recorder | None = None


def recorder() -> Recorder | None:
    """What takes the spans of this process; None if traces are off."""
    return _recorder


def record_to(new: Recorder | None) -> None:
    """Let this process record its spans there; with None, not at all."""
    global _recorder  # noqa: PLW0603 - one for each process, read at each call
    _recorder = new


def flush(seconds: float = FLUSH_SECONDS) -> None:
    """Send what is not sent, for this long at most: a collector that is away holds up no process."""
    if _recorder is None:
        return
    sending = threading.Thread(target=_recorder.flush, name="last-spans", daemon=True)
    sending.start()
    sending.join(seconds)


def new_root(trace: str, span: str) -> TraceContext:
    """The context of the first span of a trace, sampled as configured."""
    return TraceContext(trace, span, _recorder is not None and _recorder.samples(trace, None))


@contextmanager
def timing(
    name: str,
    parent: TraceContext | None,
    kind: Kind = "INTERNAL",
    links: Sequence[Link] = (),
    scope: Scope = OURS,
) -> Iterator[Span | None]:
    """A span around the block, which may be added to.

    There is none without a recorded `parent`, or if traces are off.
    """
    if _recorder is None or parent is None or not parent.sampled:
        yield None
        return
    span = Span(name, parent.child(), parent, clock().time(), 0.0, kind, {}, links, "", scope)
    try:
        yield span
    except BaseException as error:
        span.error = type(error).__name__
        raise
    finally:
        span.ended = clock().time()
        _recorder.record(span)


@contextmanager
def spanning(
    name: str,
    parent: TraceContext | None,
    kind: Kind = "INTERNAL",
    links: Sequence[Link] = (),
    scope: Scope = OURS,
) -> Iterator[Attributes]:
    """As `timing`, and calls of the block belong to the span; yields its attributes, to be added to."""
    with timing(name, parent, kind, links, scope) as span:
        if span is None:
            yield {}
            return
        with within(span.context):
            yield span.attributes


def calling(name: str) -> AbstractContextManager[Attributes]:
    """A span around a call to an outside system, within the current one."""
    return spanning(name, current_work().within, "CLIENT")

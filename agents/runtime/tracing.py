"""Traces: spans of what this process does, for an OpenTelemetry collector.

Off unless the standard environment of OpenTelemetry names an OTLP endpoint; then nothing is imported and
nothing recorded. Spans are written when they have ended: a process that is killed loses at most those
that it had not sent yet, and those that it was within.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from agents.runtime.clock import clock
from agents.runtime.telemetry import current_work, enter_span, leave_span
from agents.runtime.trace_context import TraceContext

FLUSH_SECONDS = 2.0  # for which a process that ends waits for its collector

Kind = Literal["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
Attributes = dict[str, str | int | float | bool]


class Scope(NamedTuple):
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
    ended: float = 0.0
    kind: Kind = "INTERNAL"
    attributes: Attributes = field(default_factory=Attributes)
    links: Sequence[Link] = ()
    error: str = ""
    scope: Scope = OURS


class Recorder(Protocol):
    """What takes spans. It never waits and never raises because of the collector."""

    def record(self, span: Span) -> None:
        """Take a span; whether it is sampled was decided with its trace."""

    def samples(self, trace: str) -> bool:
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
    return TraceContext(trace, span, _recorder is not None and _recorder.samples(trace))


class _Timed:
    """The span of a `with` block. Not a generator: that alone would double what a span costs."""

    __slots__ = ("_span", "_to")

    def __init__(self, to: Recorder, span: Span) -> None:
        self._to, self._span = to, span

    def __enter__(self) -> Attributes:
        return self._span.attributes

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None:
            self._span.error = error.__name__
        self._span.ended = clock().time()
        self._to.record(self._span)


class _Inside(_Timed):
    """The same, and the calls of the block belong to the span."""

    __slots__ = ("_before",)

    def __enter__(self) -> Attributes:
        self._before = enter_span(self._span.context)
        return self._span.attributes

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        leave_span(self._before)
        super().__exit__(error)


def timing(name: str, parent: TraceContext | None) -> AbstractContextManager[Attributes]:
    """A span around the block, whose attributes may be added to.

    There is none without a recorded `parent`, or if traces are off.
    """
    if _recorder is None or parent is None or not parent.sampled:
        return nullcontext({})
    return _Timed(_recorder, Span(name, parent.child(), parent, clock().time()))


def spanning(
    name: str,
    parent: TraceContext | None,
    kind: Kind = "INTERNAL",
    links: Sequence[Link] = (),
    scope: Scope = OURS,
) -> AbstractContextManager[Attributes]:
    """As `timing`, and calls of the block belong to the span."""
    if _recorder is None or parent is None or not parent.sampled:
        return nullcontext({})
    begun = clock().time()
    span = Span(name, parent.child(), parent, begun, begun, kind, {}, links, "", scope)
    return _Inside(_recorder, span)


def calling(name: str) -> AbstractContextManager[Attributes]:
    """A span around a call to an outside system, within the current one."""
    return spanning(name, current_work().within, "CLIENT")

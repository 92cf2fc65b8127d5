"""Trace context: which trace something belongs to, and which span of that trace caused it.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/, section 3.2 (the header traceparent).
"""

import os
import re
import secrets
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_LONGEST = 256  # characters of a header that are looked at
_NO_TRACE, _NO_SPAN, _NO_VERSION = "0" * 32, "0" * 16, "ff"
_SAMPLED = 1  # the flag which says that the caller records its spans


class TraceContext(NamedTuple):
    """A span as others name it: trace (32 hex digits), span (16), and whether it is recorded."""

    trace: str
    span: str
    sampled: bool = True

    @property
    def header(self) -> str:
        """The value of the header traceparent."""
        return f"00-{self.trace}-{self.span}-0{int(self.sampled)}"

    def child(self) -> "TraceContext":
        """The context of a new span of the same trace."""
        return TraceContext(self.trace, new_span(), self.sampled)


_AT_ONCE = 256
_spans = list[str]()  # ids for new spans: asking for one at a time costs three times as much
_traces = list[str]()  # the same for traces
os.register_at_fork(after_in_child=_spans.clear)
os.register_at_fork(after_in_child=_traces.clear)


def new_trace() -> str:
    """A new trace id, 32 hex digits."""
    try:
        return _traces.pop()
    except IndexError:
        ids = secrets.token_hex(16 * _AT_ONCE)
        _traces.extend([ids[start : start + 32] for start in range(32, 32 * _AT_ONCE, 32)])
        return ids[:32]


def new_span() -> str:
    """A new span id, 16 hex digits."""
    try:
        return _spans.pop()
    except IndexError:
        ids = secrets.token_hex(8 * _AT_ONCE)
        _spans.extend([ids[start : start + 16] for start in range(16, 16 * _AT_ONCE, 16)])
        return ids[:16]


def read_traceparent(value: str | None) -> TraceContext | None:
    """The context in a header; None if there is none, or if the header is not valid.

    Of a version that is not known, the four parts that this version has are read, as section 4 asks.
    """
    if value is None or len(value) > _LONGEST:
        return None
    found = _HEADER.fullmatch(value)
    if found is None:
        return None
    version, trace, span, flags, rest = found.groups()
    if version == _NO_VERSION or trace == _NO_TRACE or span == _NO_SPAN:
        return None
    if version == "00" and rest is not None:
        return None
    return TraceContext(trace, span, bool(int(flags, 16) & _SAMPLED))


def received(values: Sequence[str]) -> TraceContext | None:
    """The context of a request that has these headers traceparent; None if there are several."""
    return read_traceparent(values[0]) if len(values) == 1 else None


def claim_of(trace: str, key: str, fence: int, traceparent: str | None = None) -> TraceContext:
    """The context of the claim of an item with this fence, under which its steps are.

    It follows from the arguments: another process names the claim without having seen it. An item is
    recorded unless what caused it, its `traceparent`, is not.
    """
    name = f"{trace}:{fence}:{key}".encode(errors="backslashreplace")
    span = blake2b(name, digest_size=8).hexdigest()
    return TraceContext(trace, span, not (traceparent or "").endswith("-00"))

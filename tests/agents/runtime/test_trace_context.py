"""Headers traceparent are read as W3C Trace Context says, whoever sent them."""

import pytest

from agents.runtime.trace_context import TraceContext, claim_of, read_traceparent, received

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header, sampled",
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"cc-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", True),
    ],
)
def test_a_valid_header_is_read(header: str, sampled: bool) -> None:
    context = read_traceparent(header)
    assert context == TraceContext(TRACE, SPAN, sampled)
    assert context.header == f"00-{TRACE}-{SPAN}-0{int(sampled)}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-1]}\u0661-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 10_000}",
        "'; DROP TABLE items; --",
    ],
)
def test_any_other_header_is_ignored(header: str) -> None:
    assert read_traceparent(header) is None


def test_of_several_headers_none_counts() -> None:
    header = f"00-{TRACE}-{SPAN}-01"
    assert received([header]) is not None
    assert received([header, header]) is None
    assert received([]) is None


def test_a_claim_has_a_span_that_other_processes_know() -> None:
    first = claim_of(TRACE, "order-\udc001", 1)
    assert first == claim_of(TRACE, "order-\udc001", 1)
    assert read_traceparent(first.header) == first
    others = [claim_of(TRACE, "order-\udc001", 2), claim_of(TRACE, "order-2", 1)]
    assert len({first.span, *(other.span for other in others)}) == 3
    assert not claim_of(TRACE, "order-1", 1, f"00-{TRACE}-{SPAN}-00").sampled

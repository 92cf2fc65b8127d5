"""Physical lines are cut at their ends, and never held beyond the limit."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files import lines
from agents.services.files.clock import Clock
from agents.services.files.lines import physical_lines
from agents.services.files.streams import Stream


def cut(
    data: bytes, limit: int = 100, *, universal: bool = True
) -> list[tuple[int, bytes, bool, bool]]:
    stream = Stream(io.BytesIO(data), 1 << 30, Clock(9))
    found = physical_lines(stream, limit, universal=universal)
    return [(line.number, line.data, line.cut, line.ended) for line in found]


def test_all_line_ends_end_a_line() -> None:
    found = cut(b"a\nb\r\nc\rd")
    assert [data for _, data, _, _ in found] == [b"a\n", b"b\r\n", b"c\r", b"d"]
    assert [ended for *_, ended in found] == [True, True, True, False]


def test_json_lines_end_at_the_line_feed_only() -> None:
    assert [data for _, data, _, _ in cut(b"a\rb\r\nc", universal=False)] == [b"a\rb\r\n", b"c"]


@pytest.mark.parametrize("universal", [True, False])
def test_a_long_line_is_cut_and_the_next_one_is_whole(universal: bool) -> None:
    assert cut(b"x" * 300_000 + b"\ny\n", 10, universal=universal) == [
        (1, b"x" * 10, True, True),
        (2, b"y\n", False, True),
    ]


@given(st.text(alphabet="ab\r\n", max_size=30), st.integers(1, 5))
def test_lines_do_not_depend_on_where_chunks_end(text: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        found = cut(text.encode())
    assert [data for _, data, _, _ in found] == text.encode().splitlines(keepends=True)
    assert [number for number, *_ in found] == list(range(1, len(found) + 1))

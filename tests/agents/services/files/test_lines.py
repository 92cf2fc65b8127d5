"""Lines are cut at their ends, and never held beyond the limit."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files import lines
from agents.services.files.clock import Clock
from agents.services.files.lines import line_pieces, physical_lines
from agents.services.files.streams import Stream


def stream(data: bytes) -> Stream:
    return Stream(io.BytesIO(data), 1 << 30, Clock(9))


def pieces(
    data: bytes, limit: int = 100, *, universal: bool = True
) -> list[tuple[int, bytes, bool]]:
    found = line_pieces(stream(data), limit, universal=universal)
    return [(one.number, one.data, one.ended) for one in found]


def test_all_line_ends_end_a_line() -> None:
    found = pieces(b"a\nb\r\nc\rd")
    assert [data for _, data, _ in found] == [b"a\n", b"b\r\n", b"c\r", b"d"]
    assert [ended for *_, ended in found] == [True, True, True, False]


def test_json_lines_end_at_the_line_feed_only() -> None:
    found = physical_lines(stream(b"a\rb\r\nc"), 100)
    assert [line.data for line in found] == [b"a\rb\r\n", b"c"]


def test_a_long_line_comes_in_pieces_with_one_number() -> None:
    assert pieces(b"x" * 25 + b"\ny\n", 10) == [
        (1, b"x" * 10, False), (1, b"x" * 10, False), (1, b"x" * 5 + b"\n", True), (2, b"y\n", True),
    ]  # fmt: skip


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    found = physical_lines(stream(b"x" * 300_000 + b"\ny\n" + b"z" * 11), 10)
    assert [(line.number, line.data, line.cut, line.ended) for line in found] == [
        (1, b"x" * 10, True, True), (2, b"y\n", False, True), (3, b"z" * 10, True, False),
    ]  # fmt: skip


@given(st.text(alphabet="ab\r\n", max_size=30), st.integers(1, 5))
def test_lines_do_not_depend_on_where_chunks_end(text: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        found = pieces(text.encode())
    assert [data for _, data, _ in found] == text.encode().splitlines(keepends=True)
    assert [number for number, *_ in found] == list(range(1, len(found) + 1))

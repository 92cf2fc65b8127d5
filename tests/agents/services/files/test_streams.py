"""Streams are looked into without loss, and end at their ceiling."""

import io

import pytest

from agents.services.files.clock import Clock
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import Stream


class Dripping:
    """A slow pipe, and what was taken from it."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    def read(self, size: int, /) -> bytes:
        return self.chunks.pop(0)[:size] if self.chunks else b""


def test_what_was_peeked_is_still_read() -> None:
    stream = Stream(Dripping(b"\n", b"ab", b"cd\n", b"ef"), 99, Clock(9))
    assert stream.peek() == b"\nabcd\n"
    stream.skip(1)
    assert [stream.read(3), stream.read(), stream.read(), stream.read()] == [
        b"abc",
        b"d\n",
        b"ef",
        b"",
    ]


def test_peeking_ends_at_a_line_or_at_its_limit() -> None:
    pipe = Dripping(*[b"x" * 60_000] * 100)
    Stream(pipe, 1 << 30, Clock(9)).peek()
    assert 80 < len(pipe.chunks) < 85


def test_the_ceiling_ends_it() -> None:
    stream = Stream(io.BytesIO(b"x" * 11), 10, Clock(9))
    with pytest.raises(SourceError, match="more than 10 bytes"):
        stream.read()
    assert Stream(io.BytesIO(b"x" * 10), 10, Clock(9)).read() == b"x" * 10


def test_a_failing_disk_is_an_error_of_the_source() -> None:
    class Broken:
        def read(self, size: int, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(SourceError, match="Input/output error"):
        Stream(Broken(), 9, Clock(9)).read()


def test_each_read_looks_at_the_clock() -> None:
    with pytest.raises(SourceError, match="deadline"):
        Stream(io.BytesIO(b"x"), 9, Clock(1e-9)).read()

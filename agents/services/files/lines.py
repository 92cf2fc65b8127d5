"""Physical lines of a byte stream; a line that is too long is cut, never held."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from agents.services.files.streams import CHUNK, Stream


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of text that should be one record, with its line end if it has one.

    `cut`: it went over the limit and `data` is only its beginning. `ended`: its end was seen.
    """

    number: int
    data: bytes
    cut: bool = False
    ended: bool = True


def physical_lines(stream: Stream, limit: int, *, universal: bool) -> Iterator[Line]:
    r"""Lines of at most `limit` bytes; `universal` also ends them at a lone \r."""
    number, size, held = 1, 0, bytearray()
    ends = (b"\n", b"\r") if universal else (b"\n",)
    for piece in _pieces(stream, universal=universal):
        size += len(piece)
        held += piece[: limit - len(held)]
        if piece.endswith(ends):
            yield Line(number, bytes(held), cut=size > limit)
            number, size = number + 1, 0
            held.clear()
    if size:
        yield Line(number, bytes(held), cut=size > limit, ended=False)


def _pieces(stream: Stream, *, universal: bool) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        if universal:
            yield from _whole_ends(chunk, stream).splitlines(keepends=True)
        else:
            yield from io.BytesIO(chunk)


def _whole_ends(chunk: bytes, stream: Stream) -> bytes:
    r"""The chunk with the \n that may follow its last \r, so that the two stay one line end."""
    while chunk.endswith(b"\r") and (following := stream.read(1)):
        chunk += following
    return chunk

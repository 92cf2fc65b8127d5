"""Physical lines of a byte stream, and the pieces of those that are too long to be held."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from agents.services.files.streams import CHUNK, Stream


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or a piece of one, with its line end if it has one.

    `cut`: the line went over the limit and `data` is only its beginning. `ended`: its end was seen.
    """

    number: int
    data: bytes
    cut: bool = False
    ended: bool = True


def physical_lines(stream: Stream, limit: int) -> Iterator[Line]:
    r"""Lines that end with \n; of a line of more than `limit` bytes only the beginning.

    Each is given as soon as its end is read: a program that writes into a pipe may wait for what its line leads to.
    """
    pieces = line_pieces(stream, limit, universal=False)
    for first in pieces:
        last = first
        while not last.ended and (more := next(pieces, None)) is not None:
            last = more
        yield Line(first.number, first.data, last is not first, last.ended)


def line_pieces(stream: Stream, limit: int, *, universal: bool) -> Iterator[Line]:
    r"""Lines in pieces of at most `limit` bytes; `universal` also ends them at a lone \r.

    A piece that is not `ended` is full, and more of its line follows, or it is the end of the stream.
    """
    number, held = 1, bytearray()
    ends = (b"\n", b"\r") if universal else (b"\n",)
    for piece in _pieces(stream, universal=universal):
        held += piece
        while len(held) > limit:
            yield Line(number, bytes(held[:limit]), ended=False)
            del held[:limit]
        if piece.endswith(ends):
            yield Line(number, bytes(held))
            number += 1
            held.clear()
    if held:
        yield Line(number, bytes(held), ended=False)


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

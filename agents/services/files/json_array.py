"""One JSON array cut into its elements while it streams by."""

import re
from collections.abc import Iterator

from agents.services.files.limits import Limits
from agents.services.files.lines import Line
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import CHUNK, Stream

_BLANK = b" \t\r\n"
_OUTSIDE = re.compile(rb'"[^"\\\n]*+"|["{}\[\],\n]')  # whole simple strings at once
_IN_STRING = re.compile(rb'["\\\n]')


def array_elements(stream: Stream, limits: Limits) -> Iterator[Line]:
    """Each element as it is written; brackets are only counted, the element's parser judges them.

    SourceError if the array never ends or something follows it.
    """
    splitter = _Splitter(limits.record_bytes)
    while chunk := stream.read(CHUNK):
        yield from splitter.feed(chunk)
    yield from splitter.rest()
    splitter.require_closed()


class _Splitter:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._depth = 0
        self._string = self._escaped = self._comma = False
        self._start, self._size, self._held = 1, 0, bytearray()
        self._line, self._closed = 1, False

    def feed(self, chunk: bytes) -> Iterator[Line]:
        kept = position = 0
        while position < len(chunk):
            if self._escaped:
                self._escaped, position = False, position + 1
                continue
            token = (_IN_STRING if self._string else _OUTSIDE).search(chunk, position)
            if token is None:
                break
            position = token.end()
            if len(token[0]) > 1:
                continue
            if self._boundary(token[0]):
                self._keep(chunk[kept : position - 1])
                kept = position
                yield from self._element(token[0])
            elif token[0] == b"\n":
                self._keep(chunk[kept:position])
                kept, self._line = position, self._line + 1
        self._keep(chunk[kept:])

    def rest(self) -> Iterator[Line]:
        """The element that the end of the file cut off."""
        if self._size and not self._closed:
            yield self._taken(ended=False)

    def require_closed(self) -> None:
        """Raise SourceError unless the file ends where the array does."""
        if not self._closed:
            raise SourceError("truncated", f"the array is still open at line {self._line}")
        if self._size:
            raise SourceError("extra-data", f"something follows the array at line {self._start}")

    def _boundary(self, token: bytes) -> bool:
        """Follow the token; whether it delimits elements of the outermost array."""
        if self._closed:
            return False
        if self._string:
            self._escaped = token == b"\\"
            self._string = token != b'"'
        elif token == b'"':
            self._string = True
        elif token in b"{[":
            self._depth += 1
            return self._depth == 1
        elif token in b"}]" and not (self._depth == 1 and token == b"}"):
            self._depth -= 1
            return self._depth == 0
        return token == b"," and self._depth == 1 and not self._string

    def _element(self, token: bytes) -> Iterator[Line]:
        if token == b"[":
            return
        if self._size or self._comma or token == b",":
            yield self._taken(ended=True)
        self._comma, self._closed = token == b",", token == b"]"

    def _keep(self, piece: bytes) -> None:
        if not self._size:
            piece = piece.lstrip(_BLANK)
            self._start = self._line
        self._size += len(piece)
        self._held += piece[: self._limit - len(self._held)]

    def _taken(self, *, ended: bool) -> Line:
        data, cut = bytes(self._held), self._size > self._limit
        self._size = 0
        self._held.clear()
        return Line(self._start, data, cut, ended)

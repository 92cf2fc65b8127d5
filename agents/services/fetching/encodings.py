"""The content coding of a document: what was packed only for the way is unpacked while it comes.

We ask for none. Hosts that serve files packed beforehand, such as stores of objects, send one all the same.
Source: RFC 9110, section 8.4.
"""

import zlib
from collections.abc import Iterator

from agents.runtime.errors import TransientError

GZIP, PIECE = 31, 64 << 10  # zlib's window bits for gzip framing; bytes that are unpacked at once
RATIO, RATIO_FLOOR = 200, 10 << 20
NAMES = {"": False, "identity": False, "gzip": True, "x-gzip": True}


class UnreadableCoding(ValueError):
    """A content coding that nobody asked for, damaged bytes, or a bomb."""


class Unpacking:
    """Takes the bytes as sent and gives them as they are meant."""

    def __init__(self, coding: str) -> None:
        try:
            is_gzip = NAMES[coding.strip().lower()]
        except KeyError:
            raise UnreadableCoding(
                f"it is sent with the content coding {coding[:50]!r}, which was not asked for"
            ) from None
        self._inflate = zlib.decompressobj(GZIP) if is_gzip else None
        self._taken = self._given = 0

    def take(self, chunk: bytes) -> Iterator[bytes]:
        """The bytes meant by `chunk`, in bounded pieces. Raises UnreadableCoding."""
        if self._inflate is None:
            yield chunk
            return
        self._taken += len(chunk)
        while chunk:
            if self._inflate.eof:  # another member follows, perhaps behind a padding
                if not (chunk := chunk.lstrip(b"\0")):
                    return
                self._inflate = zlib.decompressobj(GZIP)
            try:
                piece = self._inflate.decompress(chunk, PIECE)
            except zlib.error as error:
                raise UnreadableCoding(f"its gzip content coding is damaged: {error}") from None
            self._given += len(piece)
            if self._given > max(RATIO_FLOOR, RATIO * self._taken):
                raise UnreadableCoding(f"it expands more than 1:{RATIO}")
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                yield piece

    def require_end(self) -> None:
        """Raise TransientError if the coding goes on where the bytes end."""
        if self._inflate is not None and not self._inflate.eof:
            raise TransientError("broken off within its gzip content coding")

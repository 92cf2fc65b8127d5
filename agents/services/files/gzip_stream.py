"""Decompressing gzip while it streams, bounded in ratio."""

import zlib

from agents.services.files.formats import GZIP
from agents.services.files.limits import Limits
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import CHUNK, Stream

_WITH_HEADER = 31
"""zlib's window bits for gzip framing, with its checksum verified."""


def require_ratio(taken: int, given: int, limits: Limits) -> None:
    """Raise SourceError if `given` bytes from `taken` compressed ones are a bomb."""
    if given > limits.ratio_floor and given > taken * limits.ratio:
        raise SourceError("bomb", f"it expands more than 1:{limits.ratio}")


class GzipStream:
    """A byte stream of what is in a gzip stream, of one or more members."""

    def __init__(self, packed: Stream, limits: Limits) -> None:
        self._packed, self._limits = packed, limits
        self._inflate = zlib.decompressobj(_WITH_HEADER)
        self._ahead, self._taken, self._given = b"", 0, 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` decompressed bytes; SourceError for damage, a cut end, or a bomb."""
        while True:
            if not self._ahead and not self._refill():
                return b""
            plain = self._decompress(size)
            self._given += len(plain)
            require_ratio(self._taken, self._given, self._limits)
            if plain:
                return plain

    def _refill(self) -> bool:
        """Whether more can come; the end of the file is right only between members."""
        self._ahead = self._packed.read(CHUNK)
        self._taken += len(self._ahead)
        if not self._ahead and not self._inflate.eof:
            raise SourceError("truncated", "the gzip file is cut off: its end is missing")
        return bool(self._ahead)

    def _decompress(self, size: int) -> bytes:
        if self._inflate.eof and not self._next_member():
            return b""
        try:
            plain = self._inflate.decompress(self._ahead, size)
        except zlib.error as error:
            raise SourceError("corrupt", f"the gzip data are damaged: {error}") from error
        left = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self._ahead = left
        return plain

    def _next_member(self) -> bool:
        self._ahead = self._ahead.lstrip(b"\0")
        if not self._ahead:
            return False
        if not GZIP.startswith(self._ahead[:2]):
            raise SourceError("corrupt", "something that is not gzip follows the gzip data")
        self._inflate = zlib.decompressobj(_WITH_HEADER)
        return True

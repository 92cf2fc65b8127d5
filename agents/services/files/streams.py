"""Bytes that come in bounded chunks, with a ceiling on their sum and on the time they take."""

from typing import Protocol

from agents.services.files.clock import Clock
from agents.services.files.outcomes import SourceError

CHUNK = 64 << 10
_LOOK = 1 << 20


class ByteStream(Protocol):
    """Anything that gives bytes; an empty answer is the end."""

    def read(self, size: int, /) -> bytes:
        """At least one and at most `size` bytes, or none at the end."""
        ...


class Stream:
    """A byte stream that can be looked into, refuses more than `ceiling` bytes and keeps time."""

    def __init__(self, source: ByteStream, ceiling: int, clock: Clock) -> None:
        self._source, self._ceiling, self._clock = source, ceiling, clock
        self._ahead, self._seen = b"", 0

    def read(self, size: int = CHUNK, /) -> bytes:
        """Up to `size` bytes, none at the end; SourceError beyond a ceiling or a failing disk."""
        if self._ahead:
            chunk, self._ahead = self._ahead[:size], self._ahead[size:]
            return chunk
        return self._fetch(size)

    def peek(self) -> bytes:
        """The first bytes, not consumed: to the first line's end, or 1 MiB."""
        while len(self._ahead) < _LOOK and not _has_line(self._ahead):
            chunk = self._fetch(CHUNK)
            if not chunk:
                break
            self._ahead += chunk
        return self._ahead

    def skip(self, size: int) -> None:
        """Drop `size` bytes that were peeked."""
        self._ahead = self._ahead[size:]

    def _fetch(self, size: int) -> bytes:
        self._clock.check()
        try:
            chunk = self._source.read(size)
        except OSError as error:
            raise SourceError("unreadable", f"reading failed: {error.strerror}") from error
        self._seen += len(chunk)
        if self._seen > self._ceiling:
            raise SourceError("too-large", f"more than {self._ceiling} bytes")
        return chunk


def _has_line(data: bytes) -> bool:
    return len(data) >= 4 and b"\n" in data.lstrip()  # the longest magic number has 4

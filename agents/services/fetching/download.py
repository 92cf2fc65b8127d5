"""A document that is being downloaded into the store, where the whole of it gets its digest as its name.

A small document stays in memory until it is whole: to create a file takes as long as a request, and a host
that answers many requests at once must not wait for it.
"""

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import IO, Self

HELD = 1 << 20  # bytes; a larger document is written while it comes


class Download:
    """Takes a document in pieces; keeps the whole document, or no part of it."""

    def __init__(self, store: Path) -> None:
        self.size = 0
        self._store, self._digest, self._held = store, hashlib.sha256(), bytearray()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def take(self, chunk: bytes) -> None:
        """Add the next piece."""
        self.size += len(chunk)
        self._digest.update(chunk)
        self._held += chunk
        if len(self._held) > HELD:
            if self._file is None:
                self._file = _beside(self._store)
            self._file.write(self._held)
            self._held.clear()

    async def keep(self) -> str:
        """Put the document into the store; returns its digest."""
        digest = self._digest.hexdigest()
        place = self._store / digest
        if self._file is None:
            await asyncio.to_thread(write, bytes(self._held), place)
        else:
            _finish(self._file, self._held, place)
        return digest

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)


def _beside(store: Path) -> IO[bytes]:
    return tempfile.NamedTemporaryFile(dir=store, prefix=".fetching-", delete=False)


def write(content: bytes, place: Path) -> None:
    """Write a file that is there whole or not at all."""
    # It cleans up here too: the caller may be cancelled while its thread goes on.
    with _beside(place.parent) as file:
        try:
            _finish(file, content, place)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _finish(file: IO[bytes], rest: bytes | bytearray, place: Path) -> None:
    file.write(rest)
    file.close()
    Path(file.name).replace(place)

"""A document on its way into the store, where it lies under its digest once it is whole.

A small one is held until then: to make a file takes as long as a request, and a host that answers
many at once must not wait for it.
"""

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import IO, Self

HELD = 1 << 20  # bytes; what is larger is written as it comes


class Arriving:
    """Takes a document in pieces and keeps it whole, or leaves nothing behind."""

    def __init__(self, store: Path) -> None:
        self.size = 0
        self._store, self._digest, self._held = store, hashlib.sha256(), bytearray()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def take(self, chunk: bytes) -> None:
        """The next piece."""
        self.size += len(chunk)
        self._digest.update(chunk)
        self._held += chunk
        if len(self._held) > HELD:
            if self._file is None:
                self._file = _beside(self._store)
            self._file.write(self._held)
            self._held.clear()

    async def keep(self) -> str:
        """Put what has come into the store; returns its digest."""
        digest = self._digest.hexdigest()
        place = self._store / digest
        if self._file is None:
            await asyncio.to_thread(_write, bytes(self._held), place)
        else:
            _finish(self._file, self._held, place)
        return digest

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)


def _beside(store: Path) -> IO[bytes]:
    return tempfile.NamedTemporaryFile(dir=store, prefix=".fetching-", delete=False)


def _write(content: bytes, place: Path) -> None:
    """Clean up here as well: whoever asked may be cancelled, and a thread goes on."""
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

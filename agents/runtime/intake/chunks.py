"""The records of a run in chunks, for the run itself and for the workers beside it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class Chunks(Generic[T]):
    """Chunks of at most `size` records. What a worker does not answer for is taken by the run."""

    def __init__(self, records: Iterable[T], size: int) -> None:
        self.at_end = False
        self._source, self._size = iter(records), size
        self._reading = asyncio.Lock()
        self._error: Exception | None = None
        self._returned: list[Sequence[T]] = []
        self._dealt = 0
        self._changed = asyncio.Event()

    async def take(self) -> Sequence[T]:
        """The next chunk for the run; empty when workers have answered for all that they got.

        Raises what reading the records raises.
        """
        while True:
            self._changed.clear()
            if self._returned:
                return self._returned.pop()
            if chunk := await self._read():
                return chunk
            if self._error is not None:
                raise self._error
            if not self._dealt and not self._returned:
                return []
            await self._changed.wait()

    async def deal(self) -> Sequence[T]:
        """The next chunk for a worker; empty when there are no more."""
        chunk = await self._read()
        self._dealt += bool(chunk)
        return chunk

    def answered(self) -> None:
        """A worker has answered for a chunk."""
        self._dealt -= 1
        self._changed.set()

    def give_back(self, chunks: Iterable[Sequence[T]]) -> None:
        """A worker does not answer for these chunks."""
        for chunk in chunks:
            self._returned.append(chunk)
            self.answered()

    async def _read(self) -> Sequence[T]:
        async with self._reading:
            if self.at_end:
                return []
            try:
                chunk = await asyncio.to_thread(_next, self._source, self._size)
            except Exception as error:  # noqa: BLE001 - the run raises it, also if it was read for a worker
                self._error, chunk = error, []
            self.at_end = not chunk
            return chunk


def _next(source: Iterator[T], size: int) -> list[T]:
    return list(islice(source, size))

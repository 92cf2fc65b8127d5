"""The records of a run in chunks, for the run itself and for the workers beside it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Chunk(Generic[T]):
    """Some records that follow each other, and the keys of their items."""

    records: Sequence[T]
    keys: frozenset[str]


class Chunks(Generic[T]):
    """Chunks of at most `size` records. What a worker does not answer for is taken by the run.

    `key_of` is the key of a record's item, or "" if it is none. A chunk that has a key of one that is in
    work waits for it, so that of records with one key the first of the source counts, as in one process.
    """

    def __init__(self, records: Iterable[T], size: int, key_of: Callable[[T], str]) -> None:
        self.at_end = False
        self._source, self._size, self._key_of = iter(records), size, key_of
        self._reading = asyncio.Lock()
        self._error: Exception | None = None
        self._waiting = deque[Chunk[T]]()
        self._dealt: list[Chunk[T]] = []
        self._taken: Chunk[T] | None = None
        self._changed = asyncio.Event()

    async def take(self) -> Sequence[T]:
        """The next records for the run; none when workers have answered for all that they got.

        The run is done with those before. Raises what reading the records raises.
        """
        self._taken = None
        self._tell()
        while True:
            if self._waiting and self._is_free(self._waiting[0]):
                self._taken = self._waiting.popleft()
                self._tell()
                return self._taken.records
            if not self._waiting and not self.at_end:
                await self._read()
            elif self._waiting or self._dealt:
                await self._changed.wait()
            elif self._error is not None:
                raise self._error
            else:
                return []

    async def deal(self, *, wait: bool) -> Chunk[T] | None:
        """The next chunk for a worker; None when there are no more.

        Without `wait` also None while the next one waits for one that is in work.
        """
        while True:
            if self._waiting and self._is_free(self._waiting[0]):
                chunk = self._waiting.popleft()
                self._dealt.append(chunk)
                self._tell()
                return chunk
            if not self._waiting and not self.at_end:
                await self._read()
            elif self._waiting and wait:
                await self._changed.wait()
            else:
                return None

    def answered(self, chunk: Chunk[T]) -> None:
        """A worker has answered for this chunk."""
        self._dealt.remove(chunk)
        self._tell()

    def give_back(self, chunks: Sequence[Chunk[T]]) -> None:
        """A worker does not answer for these chunks."""
        self._waiting.extendleft(reversed(chunks))
        for chunk in chunks:
            self.answered(chunk)

    def _is_free(self, chunk: Chunk[T]) -> bool:
        """Whether no chunk that is in work has one of its keys."""
        taken = [] if self._taken is None else [self._taken]
        return all(chunk.keys.isdisjoint(other.keys) for other in (*taken, *self._dealt))

    def _tell(self) -> None:
        """Wake all who wait."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _read(self) -> None:
        """Read the next chunk, unless another one has been read meanwhile."""
        async with self._reading:
            if self._waiting or self.at_end:
                return
            try:
                records = await asyncio.to_thread(_next, self._source, self._size)
            except Exception as error:  # noqa: BLE001 - the run raises it, also if it was read for a worker
                self._error, records = error, []
            self.at_end = len(records) < self._size
            if records:
                keys = frozenset(key for one in records if (key := self._key_of(one)))
                self._waiting.append(Chunk(records, keys))
            self._tell()


def _next(source: Iterator[T], size: int) -> list[T]:
    return list(islice(source, size))

"""Chunks of a run's records: what a worker does not answer for comes back to the run."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

import pytest

from agents.runtime.intake.chunks import Chunk, Chunks


def chunks_of(records: Iterable[int], size: int) -> Chunks[int]:
    """Chunks of numbers; each is the key of its item, and 0 is no item."""
    return Chunks(records, size, lambda number: str(number or ""))


async def dealt(chunks: Chunks[int], *numbers: int) -> Chunk[int]:
    chunk = await chunks.deal(wait=False)
    assert chunk is not None
    assert chunk.records == list(numbers)
    return chunk


async def waits(taking: asyncio.Task[Sequence[int]]) -> bool:
    await asyncio.wait({taking}, timeout=0.02)
    return not taking.done()


async def test_a_run_without_workers_takes_everything_in_order() -> None:
    chunks = chunks_of(range(5), 2)
    assert [await chunks.take() for _ in range(4)] == [[0, 1], [2, 3], [4], []]


async def test_a_chunk_that_is_not_full_is_the_last_one() -> None:
    chunks = chunks_of(range(3), 2)
    await chunks.take()
    assert not chunks.at_end
    await chunks.take()
    assert chunks.at_end


async def test_the_run_waits_until_workers_have_answered() -> None:
    chunks = chunks_of(range(2), 2)
    held = await dealt(chunks, 0, 1)
    assert await chunks.deal(wait=True) is None
    taking = asyncio.create_task(chunks.take())
    assert await waits(taking)
    chunks.answered(held)
    assert await taking == []


async def test_the_run_takes_what_a_worker_gives_back() -> None:
    chunks = chunks_of(range(6), 2)
    held = [await dealt(chunks, 0, 1), await dealt(chunks, 2, 3)]
    chunks.give_back(held)
    assert [await chunks.take() for _ in range(4)] == [[0, 1], [2, 3], [4, 5], []]


async def test_a_key_again_waits_for_the_worker_that_has_its_first() -> None:
    chunks = chunks_of([1, 2, 0, 1, 3, 4], 2)
    first = await dealt(chunks, 1, 2)
    assert await chunks.deal(wait=False) is None, "the worker would wait for itself"
    taking = asyncio.create_task(chunks.take())
    assert await waits(taking)
    chunks.answered(first)
    assert await taking == [0, 1]
    await dealt(chunks, 3, 4)


async def test_a_key_again_waits_for_the_run_that_has_its_first() -> None:
    chunks = chunks_of([1, 2, 2, 3, 4, 5], 2)
    assert await chunks.take() == [1, 2]
    dealing = asyncio.create_task(chunks.deal(wait=True))
    await asyncio.wait({dealing}, timeout=0.02)
    assert not dealing.done()
    assert await chunks.take() == [2, 3], "the run goes on without the worker"
    chunk = await dealing
    assert chunk is not None
    assert chunk.records == [4, 5]


async def test_what_is_given_back_goes_before_what_waits_for_it() -> None:
    chunks = chunks_of([1, 2, 2, 3], 2)
    first = await dealt(chunks, 1, 2)
    taking = asyncio.create_task(chunks.take())
    assert await waits(taking)
    chunks.give_back([first])
    assert await taking == [1, 2]
    assert await chunks.take() == [2, 3]


async def test_the_run_raises_what_stopped_the_reading_for_a_worker() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("cut off")

    chunks = chunks_of(broken(), 1)
    assert await chunks.take() == [1]
    assert await chunks.deal(wait=True) is None
    with pytest.raises(ValueError, match="cut off"):
        await chunks.take()

"""Chunks of a run's records: what a worker does not answer for comes back to the run."""

import asyncio
from collections.abc import Iterator

import pytest

from agents.runtime.intake.chunks import Chunks


async def test_a_run_without_workers_takes_everything_in_order() -> None:
    chunks = Chunks(range(5), 2)
    assert [await chunks.take() for _ in range(4)] == [[0, 1], [2, 3], [4], []]


async def test_the_run_waits_until_workers_have_answered() -> None:
    chunks = Chunks(range(2), 2)
    assert await chunks.deal() == [0, 1]
    assert await chunks.deal() == []
    taking = asyncio.create_task(chunks.take())
    await asyncio.wait({taking}, timeout=0.02)
    assert not taking.done()
    chunks.answered()
    assert await taking == []


async def test_the_run_takes_what_a_worker_gives_back() -> None:
    chunks = Chunks(range(4), 2)
    held = [await chunks.deal(), await chunks.deal()]
    taking = asyncio.create_task(chunks.take())
    await asyncio.sleep(0)
    chunks.give_back(held)
    assert sorted([list(await taking), list(await chunks.take())]) == [[0, 1], [2, 3]]
    assert await chunks.take() == []


async def test_the_run_raises_what_stopped_the_reading_for_a_worker() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("cut off")

    chunks = Chunks(broken(), 1)
    assert await chunks.take() == [1]
    assert await chunks.deal() == []
    with pytest.raises(ValueError, match="cut off"):
        await chunks.take()

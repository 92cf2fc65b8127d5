"""Workers side by side end together."""

import asyncio

import pytest

from agents.runtime.execution.step import worker_group


async def test_all_of_them_run_at_once() -> None:
    met = asyncio.Barrier(3)

    async def work() -> None:
        await met.wait()

    async with asyncio.timeout(5), worker_group(work, 3) as workers:
        await workers


async def test_the_first_that_fails_ends_them_all_and_is_raised() -> None:
    ended = list[str]()
    lots = iter(["waits", "fails"])

    async def work() -> None:
        if next(lots) == "fails":
            raise LookupError
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(LookupError):
        async with asyncio.timeout(5), worker_group(work, 2) as workers:
            await workers
    assert ended == ["cancelled"]


async def test_whoever_leaves_early_leaves_nobody_behind() -> None:
    ended = list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async with worker_group(work, 2):
        await asyncio.sleep(0)
    assert ended == ["ended", "ended"]

"""The workers of a group run concurrently and end together."""

import asyncio

import pytest

from agents.runtime.execution.step import worker_group


async def test_workers_run_concurrently() -> None:
    met = asyncio.Barrier(3)

    async def work() -> None:
        await met.wait()

    async with asyncio.timeout(5), worker_group(work, 3) as workers:
        await workers


async def test_the_first_error_ends_all_workers_and_is_raised() -> None:
    ended = list[str]()
    roles = iter(["waits", "fails"])

    async def work() -> None:
        if next(roles) == "fails":
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


async def test_no_worker_outlives_its_block() -> None:
    ended = list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async with worker_group(work, 2):
        await asyncio.sleep(0)
    assert ended == ["ended", "ended"]

"""A signal wakes a waiting consumer at once; without Redis it just waits its time."""

import asyncio
import time
from pathlib import Path

import pytest

from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.signals import Signals, signals
from agents.runtime.settings import Settings
from tests.redis_servers import Valkey


async def test_a_signal_wakes_who_waits_and_who_comes_later_but_nobody_twice(
    redis_settings: Settings,
) -> None:
    async with signals(redis_settings) as here, signals(redis_settings) as there:
        await here.wake("orders")
        await here.wake("orders")
        assert await there.wait("orders", 5)
        assert not await there.wait("orders", 0.05), "signals to nobody are one"
        assert not await there.wait("others", 0.01)

        waiting = asyncio.create_task(there.wait("orders", 30))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        await here.wake("orders")
        assert await waiting
        assert time.monotonic() - begun < 5


async def test_of_two_that_wait_one_signal_wakes_one(redis_settings: Settings) -> None:
    async with signals(redis_settings) as here, signals(redis_settings) as there:
        both = [asyncio.create_task(s.wait("orders", 1.0)) for s in (here, there)]
        await asyncio.sleep(0.3)
        await here.wake("orders")
        assert sorted(await asyncio.gather(*both)) == [False, True]


@pytest.mark.slow
async def test_whatever_happens_to_redis_a_wait_ends_in_time_and_nobody_fails(
    tmp_path: Path,
) -> None:
    valkey = Valkey(tmp_path)
    async with signals(Settings(data=tmp_path)) as here:
        await here.wake("orders")
        valkey.do("FLUSHALL")
        assert not await here.wait("orders", 0.05)

        valkey.hang()
        begun = time.monotonic()
        await here.wake("orders")
        assert not await here.wait("orders", 0.1)
        assert time.monotonic() - begun < 5
        valkey.go_on()

        valkey.do("FLUSHALL")  # what it got while it hung
        valkey.do("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(1.0)  # the rest it is given after it was away
        await here.wake("orders")
        assert not await here.wait("orders", 0.05)
        valkey.do("CONFIG", "SET", "maxmemory", "0")

        valkey.kill()
        await _woken(here)


async def test_who_only_opens_them_starts_nothing(tmp_path: Path) -> None:
    async with signals(Settings(data=tmp_path)):
        pass
    assert not (tmp_path / FOLDER).exists()


async def test_a_server_that_is_not_there_costs_a_wait_and_no_error(tmp_path: Path) -> None:
    nowhere = Settings(data=tmp_path, redis_url="unix:///nowhere.sock")  # type: ignore[arg-type]
    async with signals(nowhere) as here:
        await here.wake("orders")
        begun = time.monotonic()
        assert not await here.wait("orders", 0.1)
        assert 0.1 <= time.monotonic() - begun < 2


async def _woken(here: Signals) -> None:
    for _ in range(100):
        await here.wake("orders")
        if await here.wait("orders", 0.1):
            return
    raise AssertionError("signals never come back")

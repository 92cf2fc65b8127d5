"""A signal wakes a waiting consumer at once; without Redis the consumer waits its time."""

import asyncio
import time
from pathlib import Path

import pytest

from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.signals import Signals, signals
from agents.runtime.settings import Settings
from tests.redis_servers import Valkey


async def test_a_signal_wakes_one_consumer_that_waits_now_or_later(
    redis_settings: Settings,
) -> None:
    async with signals(redis_settings) as sender, signals(redis_settings) as receiver:
        await sender.wake("orders")
        await sender.wake("orders")
        assert await receiver.wait("orders", 5)
        assert not await receiver.wait("orders", 0.05), "signals that no consumer received are one"
        assert not await receiver.wait("others", 0.01)

        waiting = asyncio.create_task(receiver.wait("orders", 30))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        await sender.wake("orders")
        assert await waiting
        assert time.monotonic() - begun < 5


async def test_one_signal_wakes_one_of_two_waiting_consumers(redis_settings: Settings) -> None:
    async with signals(redis_settings) as sender, signals(redis_settings) as receiver:
        both = [asyncio.create_task(s.wait("orders", 1.0)) for s in (sender, receiver)]
        await asyncio.sleep(0.3)
        await sender.wake("orders")
        assert sorted(await asyncio.gather(*both)) == [False, True]


@pytest.mark.slow
async def test_a_wait_ends_in_time_and_without_an_error_whatever_happens_to_redis(
    tmp_path: Path,
) -> None:
    valkey = Valkey(tmp_path)
    async with signals(Settings(data=tmp_path)) as sender:
        await sender.wake("orders")
        valkey.do("FLUSHALL")
        assert not await sender.wait("orders", 0.05)

        valkey.hang()
        begun = time.monotonic()
        await sender.wake("orders")
        assert not await sender.wait("orders", 0.1)
        assert time.monotonic() - begun < 5
        valkey.go_on()

        valkey.do("FLUSHALL")  # of the signals that arrived while it hung
        valkey.do("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(1.0)  # until the client calls it again
        await sender.wake("orders")
        assert not await sender.wait("orders", 0.05)
        valkey.do("CONFIG", "SET", "maxmemory", "0")

        valkey.kill()
        await _wakes_again(sender)


async def test_opening_signals_starts_no_server(tmp_path: Path) -> None:
    async with signals(Settings(data=tmp_path)):
        pass
    assert not (tmp_path / FOLDER).exists()


async def test_a_missing_server_costs_a_wait_and_no_error(tmp_path: Path) -> None:
    nowhere = Settings(data=tmp_path, redis_url="unix:///nowhere.sock")  # type: ignore[arg-type]
    async with signals(nowhere) as sender:
        await sender.wake("orders")
        begun = time.monotonic()
        assert not await sender.wait("orders", 0.1)
        assert 0.1 <= time.monotonic() - begun < 2


async def _wakes_again(sender: Signals) -> None:
    for _ in range(100):
        await sender.wake("orders")
        if await sender.wait("orders", 0.1):
            return
    raise AssertionError("signals do not arrive again")

"""Every call to Redis has a time limit; its failures are one error, warned of once a minute."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.redis.embedded import EmbeddedValkey
from agents.runtime.settings import Settings
from tests.redis_servers import Valkey, eventually


async def test_an_unavailable_redis_is_an_error_and_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING)
    client = RedisClient(Settings(data=tmp_path, redis_url="redis://127.0.0.1:1"))  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(RedisUnavailable):
            await client.run(lambda redis: redis.ping())
        assert await client.attempt(lambda redis: redis.ping()) is None
    await client.close()
    logged = capsys.readouterr().out + caplog.text  # where logs go depends on earlier tests
    assert logged.count("redis is unavailable, continuing without it") == 1


async def test_a_server_that_hangs_costs_one_time_limit_not_one_per_call(tmp_path: Path) -> None:
    client, valkey = RedisClient(Settings(data=tmp_path)), Valkey(tmp_path)
    assert not client.in_use()
    await client.run(lambda redis: redis.ping())
    assert client.in_use()
    valkey.hang()
    begun = time.monotonic()
    for _ in range(100):
        assert await client.attempt(lambda redis: redis.get("a"), 0.2) is None
    assert time.monotonic() - begun < 1
    valkey.go_on()
    await client.close()


async def test_a_refusal_has_its_reason_and_keeps_the_connection(tmp_path: Path) -> None:
    client, valkey = RedisClient(Settings(data=tmp_path)), Valkey(tmp_path)
    await client.run(lambda redis: redis.set("a", "x"))
    valkey.do("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(RedisUnavailable, match="maxmemory"):
        await client.run(lambda redis: redis.set("a", "y"))
    assert await client.run(lambda redis: redis.get("a")) == b"x"
    await client.close()


@pytest.mark.parametrize("policy, warned", [("allkeys-lru", True), ("noeviction", False)])
async def test_a_server_that_may_drop_data_is_warned_of(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    policy: str,
    warned: Any,
) -> None:
    first, second = RedisClient(Settings(data=tmp_path)), RedisClient(Settings(data=tmp_path))
    await first.run(lambda redis: redis.ping())
    Valkey(tmp_path).do("CONFIG", "SET", "maxmemory-policy", policy)
    await second.run(lambda redis: redis.ping())
    logged = capsys.readouterr().out + caplog.text
    assert ("maxmemory-policy noeviction" in logged) is warned
    await first.close()
    await second.close()


async def test_a_client_that_is_closed_while_it_connects_leaves_the_server_that_it_starts(
    tmp_path: Path,
) -> None:
    client = RedisClient(Settings(data=tmp_path))
    call = asyncio.create_task(client.run(lambda redis: redis.ping()))
    await asyncio.sleep(0)  # the call waits for a thread that starts the server
    await client.close()
    with pytest.raises(RedisUnavailable):
        await call
    eventually(lambda: not EmbeddedValkey(tmp_path).is_running())
    with pytest.raises(RedisUnavailable, match="closed"):
        await client.run(lambda redis: redis.ping())


async def test_a_call_that_outlives_its_client_closes_what_it_connects(tmp_path: Path) -> None:
    client, other = RedisClient(Settings(data=tmp_path)), RedisClient(Settings(data=tmp_path))
    await other.run(lambda redis: redis.ping())
    began, closed = asyncio.Event(), asyncio.Event()

    async def connect_late(redis: Redis) -> None:
        began.set()
        await closed.wait()
        await redis.ping()

    call = asyncio.create_task(client.run(connect_late))
    await began.wait()
    await client.close()
    closed.set()
    await call
    both = 2  # the other client, and the connection that asks
    eventually(lambda: Valkey(tmp_path).do("INFO", "clients")["connected_clients"] == both)
    await other.close()


async def test_keys_have_the_tenant(tmp_path: Path) -> None:
    assert RedisClient(Settings(data=tmp_path, tenant="a")).key("x", "y") == "agent-flows:a:x:y"

"""Every call to Redis is bounded; what is wrong with it is one kind of answer, told once a minute."""

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.redis.client import RedisClient, RedisUnavailable
from agents.runtime.settings import Settings
from tests.redis_servers import Valkey


async def test_away_is_an_answer_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING)
    link = RedisClient(Settings(data=tmp_path, redis_url="redis://127.0.0.1:1"))  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(RedisUnavailable):
            await link.run(lambda redis: redis.ping())
        assert await link.attempt(lambda redis: redis.ping()) is None
    await link.close()
    assert capsys.readouterr().out.count("going on without redis") == 1


async def test_a_hung_server_costs_one_time_limit_not_one_a_call(tmp_path: Path) -> None:
    link, valkey = RedisClient(Settings(data=tmp_path)), Valkey(tmp_path)
    assert not link.in_use()
    await link.run(lambda redis: redis.ping())
    assert link.in_use()
    valkey.hang()
    begun = time.monotonic()
    for _ in range(100):
        assert await link.attempt(lambda redis: redis.get("a"), 0.2) is None
    assert time.monotonic() - begun < 1
    valkey.go_on()
    await link.close()


async def test_a_refusal_names_its_reason_and_the_line_stays_open(tmp_path: Path) -> None:
    link, valkey = RedisClient(Settings(data=tmp_path)), Valkey(tmp_path)
    await link.run(lambda redis: redis.set("a", "x"))
    valkey.do("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(RedisUnavailable, match="maxmemory"):
        await link.run(lambda redis: redis.set("a", "y"))
    assert await link.run(lambda redis: redis.get("a")) == b"x"
    await link.close()


@pytest.mark.parametrize("policy, told", [("allkeys-lru", True), ("noeviction", False)])
async def test_a_server_that_may_forget_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str, told: Any
) -> None:
    first, second = RedisClient(Settings(data=tmp_path)), RedisClient(Settings(data=tmp_path))
    await first.run(lambda redis: redis.ping())
    Valkey(tmp_path).do("CONFIG", "SET", "maxmemory-policy", policy)
    await second.run(lambda redis: redis.ping())
    assert ("maxmemory-policy noeviction" in capsys.readouterr().out) is told
    await first.close()
    await second.close()


async def test_names_are_of_the_tenant(tmp_path: Path) -> None:
    assert RedisClient(Settings(data=tmp_path, tenant="a")).key("x", "y") == "agent-flows:a:x:y"

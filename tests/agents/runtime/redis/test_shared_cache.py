"""A shared result is computed once for all who ask; whatever happens to a copy, it is computed again."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agents.runtime.model.upcasting import read
from agents.runtime.redis import shared_cache as caches
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.shared_cache import LARGEST, SharedCache, Wanted, forget_near
from agents.runtime.settings import ROOT, Settings
from tests.redis_servers import Valkey

calls: list[str] = []


@pytest.fixture(autouse=True)
def _from_scratch() -> Iterator[None]:
    calls.clear()
    forget_near()
    yield
    forget_near()


@pytest.fixture
async def link(redis_settings: Settings) -> AsyncIterator[RedisClient]:
    link = RedisClient(redis_settings)
    await link.run(lambda redis: redis.ping())
    yield link
    await link.close()


def check(text: str) -> object:
    return read(TypeAdapter(int), text, "1", "1", {})


def wanted(key: str = "answer", text: str = "42", seconds: float = 0.0) -> Wanted:
    async def compute() -> str:
        calls.append(key)
        await asyncio.sleep(seconds)
        return text

    return Wanted(key, compute, check, keep=60, patience=10)


async def test_near_far_or_computed(link: RedisClient) -> None:
    assert await SharedCache(link).get(wanted()) == ("42", "computed")
    assert await SharedCache(link).get(wanted()) == ("42", "near")
    forget_near()
    assert await SharedCache(link).get(wanted()) == ("42", "far")
    assert await SharedCache().get(wanted("other")) == ("42", "computed")
    assert calls == ["answer", "other"]
    left = await link.run(lambda redis: redis.pttl(link.key("cache", "answer")))
    assert 50_000 < left < 60_001, "a little less than a minute: not all expire together"


@pytest.mark.slow
async def test_a_thousand_who_miss_at_once_in_several_processes_cause_one_call(
    tmp_path: Path,
) -> None:
    link, file = RedisClient(Settings(data=tmp_path)), tmp_path / "calls"
    await link.run(lambda redis: redis.ping())
    command = [
        sys.executable,
        "-m",
        "tests.agents.runtime.redis.many_processes",
        str(tmp_path),
        str(file),
    ]
    crowds = [
        await asyncio.create_subprocess_exec(*command, str(many), cwd=ROOT)
        for many in (333, 333, 334)
    ]
    assert [await crowd.wait() for crowd in crowds] == [0, 0, 0]
    assert file.read_text() == "called\n"
    await link.close()


async def test_a_killed_holder_delays_nobody_longer_than_its_lease(link: RedisClient) -> None:
    name = link.key("computing", "answer")
    await link.run(lambda redis: redis.set(name, "somebody", px=300))
    begun = time.monotonic()
    assert await SharedCache(link).get(wanted()) == ("42", "computed")
    assert 0.2 < time.monotonic() - begun < 3


@pytest.mark.slow
async def test_a_living_holder_keeps_its_lease_and_one_that_lost_it_stores_nothing(
    link: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "LEASE", 3.0)
    first, second = SharedCache(link), SharedCache(link)
    both = [asyncio.create_task(c.get(wanted(seconds=3.5))) for c in (first, second)]
    assert sorted(source for _, source in await asyncio.gather(*both)) == ["computed", "far"]
    assert len(calls) == 1

    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def compute() -> str:
        begun.set()
        await goes_on.wait()
        return "42"

    zombie = asyncio.create_task(first.get(Wanted("late", compute, check, keep=60, patience=10)))
    await begun.wait()
    await link.run(lambda redis: redis.set(link.key("computing", "late"), "the next holder"))
    goes_on.set()
    assert await zombie == ("42", "computed")
    assert await link.run(lambda redis: redis.get(link.key("cache", "late"))) is None
    kept = await link.run(lambda redis: redis.get(link.key("computing", "late")))
    assert kept == b"the next holder"


@pytest.mark.parametrize("copy", [b"\xff", b"{", b"'x'", b"__import__('os').abort()"])
async def test_a_copy_that_is_none_is_computed_anew(link: RedisClient, copy: bytes) -> None:
    name = link.key("cache", "answer")
    await link.run(lambda redis: redis.set(name, copy))
    assert await SharedCache(link).get(wanted()) == ("42", "computed")
    assert await link.run(lambda redis: redis.get(name)) == b"42"


async def test_what_is_large_or_fails_is_kept_nowhere(link: RedisClient) -> None:
    large = wanted("large", "1" * (LARGEST + 1))
    for _ in range(2):
        assert (await SharedCache(link).get(large))[1] == "computed"

    async def fail() -> str:
        calls.append("fails")
        raise ValueError("no luck")

    for _ in range(2):
        with pytest.raises(ValueError, match="no luck"):
            await SharedCache(link).get(Wanted("fails", fail, check, 60, 10))
    assert calls == ["large", "large", "fails", "fails"]


async def test_who_is_cancelled_leaves_the_work_to_those_who_wait(link: RedisClient) -> None:
    cache = SharedCache(link)
    leader = asyncio.create_task(cache.get(wanted(seconds=30)))
    await asyncio.sleep(0.05)
    follower = asyncio.create_task(cache.get(wanted()))
    await asyncio.sleep(0.05)
    leader.cancel()
    assert (await follower)[0] == "42"


async def test_with_redis_hung_full_or_never_started_everything_is_computed(tmp_path: Path) -> None:
    link = RedisClient(Settings(data=tmp_path))
    assert await SharedCache(link).get(wanted("none")) == ("42", "computed")
    assert not (tmp_path / FOLDER).exists(), "nobody has started one, and the cache does not"

    await link.run(lambda redis: redis.ping())
    valkey = Valkey(tmp_path)
    valkey.do("CONFIG", "SET", "maxmemory", "1")
    assert await SharedCache(link).get(wanted("full")) == ("42", "computed")
    valkey.hang()
    begun = time.monotonic()
    for n in range(20):
        assert await SharedCache(link).get(wanted(f"hung {n}")) == ("42", "computed")
    assert time.monotonic() - begun < 5
    valkey.go_on()
    await link.close()

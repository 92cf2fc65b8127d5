"""A shared result is computed once for all callers; a lost or bad copy is computed again."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agents.runtime.model.upcasting import read
from agents.runtime.redis import shared_cache
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.embedded import FOLDER
from agents.runtime.redis.shared_cache import LARGEST, LOCAL_COPIES, SharedCache, Wanted
from agents.runtime.settings import ROOT, Settings
from tests.redis_servers import Valkey

calls: list[str] = []


@pytest.fixture(autouse=True)
def _from_scratch() -> Iterator[None]:
    calls.clear()
    LOCAL_COPIES.clear()
    yield
    LOCAL_COPIES.clear()


@pytest.fixture
async def client(redis_settings: Settings) -> AsyncIterator[RedisClient]:
    client = RedisClient(redis_settings)
    await client.run(lambda redis: redis.ping())
    yield client
    await client.close()


def check(text: str) -> object:
    return read(TypeAdapter(int), text, "1", "1", {})


def wanted(key: str = "answer", text: str = "42", seconds: float = 0.0) -> Wanted:
    async def compute() -> str:
        calls.append(key)
        await asyncio.sleep(seconds)
        return text

    return Wanted(key, compute, check, keep_seconds=60, wait_seconds=10)


async def test_near_far_or_computed(client: RedisClient) -> None:
    assert await SharedCache(client).get(wanted()) == ("42", "computed")
    assert await SharedCache(client).get(wanted()) == ("42", "near")
    LOCAL_COPIES.clear()
    assert await SharedCache(client).get(wanted()) == ("42", "far")
    assert await SharedCache().get(wanted("other")) == ("42", "computed")
    assert calls == ["answer", "other"]
    left = await client.run(lambda redis: redis.pttl(client.key("cache", "answer")))
    assert 50_000 < left < 60_001, "less than a minute, as copies must not expire together"


@pytest.mark.slow
async def test_a_thousand_concurrent_misses_in_several_processes_are_one_call(
    tmp_path: Path,
) -> None:
    client, file = RedisClient(Settings(data=tmp_path)), tmp_path / "calls"
    await client.run(lambda redis: redis.ping())
    command = [
        sys.executable,
        "-m",
        "tests.agents.runtime.redis.many_processes",
        str(tmp_path),
        str(file),
    ]
    processes = [
        await asyncio.create_subprocess_exec(*command, str(many), cwd=ROOT)
        for many in (333, 333, 334)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert file.read_text() == "called\n"
    await client.close()


async def test_a_killed_holder_delays_others_for_at_most_its_lease(client: RedisClient) -> None:
    name = client.key("computing", "answer")
    await client.run(lambda redis: redis.set(name, "another holder", px=300))
    begun = time.monotonic()
    assert await SharedCache(client).get(wanted()) == ("42", "computed")
    assert 0.2 < time.monotonic() - begun < 3


@pytest.mark.slow
async def test_a_holder_renews_its_lease_and_stores_nothing_after_losing_it(
    client: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_cache, "LEASE_SECONDS", 3.0)
    first, second = SharedCache(client), SharedCache(client)
    both = [asyncio.create_task(c.get(wanted(seconds=3.5))) for c in (first, second)]
    assert sorted(source for _, source in await asyncio.gather(*both)) == ["computed", "far"]
    assert len(calls) == 1

    begun, may_end = asyncio.Event(), asyncio.Event()

    async def compute() -> str:
        begun.set()
        await may_end.wait()
        return "42"

    late = asyncio.create_task(first.get(Wanted("late", compute, check, 60, 10)))
    await begun.wait()
    await client.run(lambda redis: redis.set(client.key("computing", "late"), "the next holder"))
    may_end.set()
    assert await late == ("42", "computed")
    assert await client.run(lambda redis: redis.get(client.key("cache", "late"))) is None
    kept = await client.run(lambda redis: redis.get(client.key("computing", "late")))
    assert kept == b"the next holder"


@pytest.mark.parametrize("copy", [b"\xff", b"{", b"'x'", b"__import__('os').abort()"])
async def test_an_unreadable_copy_is_replaced(client: RedisClient, copy: bytes) -> None:
    name = client.key("cache", "answer")
    await client.run(lambda redis: redis.set(name, copy))
    assert await SharedCache(client).get(wanted()) == ("42", "computed")
    assert await client.run(lambda redis: redis.get(name)) == b"42"


async def test_large_results_and_errors_have_no_copies(client: RedisClient) -> None:
    large = wanted("large", "1" * (LARGEST + 1))
    for _ in range(2):
        assert (await SharedCache(client).get(large))[1] == "computed"

    async def fail() -> str:
        calls.append("fails")
        raise ValueError("no luck")

    for _ in range(2):
        with pytest.raises(ValueError, match="no luck"):
            await SharedCache(client).get(Wanted("fails", fail, check, 60, 10))
    assert calls == ["large", "large", "fails", "fails"]


async def test_a_waiting_caller_computes_after_the_first_one_is_cancelled(
    client: RedisClient,
) -> None:
    cache = SharedCache(client)
    leader = asyncio.create_task(cache.get(wanted(seconds=30)))
    await asyncio.sleep(0.05)
    follower = asyncio.create_task(cache.get(wanted()))
    await asyncio.sleep(0.05)
    leader.cancel()
    assert (await follower)[0] == "42"


async def test_results_are_computed_if_redis_hangs_is_full_or_was_never_started(
    tmp_path: Path,
) -> None:
    client = RedisClient(Settings(data=tmp_path))
    assert await SharedCache(client).get(wanted("none")) == ("42", "computed")
    assert not (tmp_path / FOLDER).exists(), "the cache does not start a server"

    await client.run(lambda redis: redis.ping())
    valkey = Valkey(tmp_path)
    valkey.do("CONFIG", "SET", "maxmemory", "1")
    assert await SharedCache(client).get(wanted("full")) == ("42", "computed")
    valkey.hang()
    begun = time.monotonic()
    for n in range(20):
        assert await SharedCache(client).get(wanted(f"hung {n}")) == ("42", "computed")
    assert time.monotonic() - begun < 5
    valkey.go_on()
    await client.close()

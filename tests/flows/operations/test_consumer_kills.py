"""Consumers are killed at random while Redis is killed, flushed, hangs and is full: every order ends once."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.redis.signals import signals
from agents.runtime.settings import PREFIX, ROOT, settings
from flows.order_processing import enqueue_orders
from tests.flows.shop import DECLINED_CARD, Shop
from tests.redis_servers import Valkey

COUNT, CONSUMERS, SEED = 120, 3, 7
LEASE = 2
DEADLINE_SECONDS = 400.0


@pytest.fixture(autouse=True)
def _short_lease(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shop has a Redis of its own, since its data folder is its own."""
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    yield
    settings.cache_clear()


@contextmanager
def consumer() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.flows.run_consumer"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def faults_of(redis: Valkey) -> list[Callable[[], object]]:
    """Faults of Redis, from each of which it recovers."""

    def hang_for_a_while() -> None:
        redis.hang()
        time.sleep(1.5)
        redis.go_on()

    return [
        redis.kill,
        lambda: redis.do("FLUSHALL"),
        hang_for_a_while,
        lambda: redis.do("CONFIG", "SET", "maxmemory", "1"),
        lambda: redis.do("CONFIG", "SET", "maxmemory", "0"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "journal_url,rounds",
    [
        ("sqlite", 2),
        pytest.param("sqlite", 5, marks=pytest.mark.campaign),
        pytest.param("postgresql", 5, marks=pytest.mark.campaign),
    ],
    indirect=["journal_url"],
)
async def test_orders_end_once_while_consumers_and_redis_are_killed(
    shop: Shop, rounds: int
) -> None:
    bodies = [
        shop.order(n, payment_method=DECLINED_CARD if n % 10 == 3 else "pm_card_visa")
        for n in range(COUNT)
    ]
    file, rng = shop.write(bodies), random.Random(SEED)
    async with signals(settings()) as ours:
        await ours.wake("orders")
        redis = Valkey(shop.data)
        await enqueue_orders.fn(file, Priority.NORMAL, report=shop.report, stock=shop.stock)
        with ExitStack() as stack:
            consumers = [stack.enter_context(consumer()) for _ in range(CONSUMERS)]
            before = 0
            for number in range(rounds):
                before = await wait_for_calls(shop, before, consumers)
                victim = rng.choice(await holders(shop, consumers) or range(CONSUMERS))
                consumers[victim].kill()
                consumers[victim] = stack.enter_context(consumer())
                faults_of(redis)[number % len(faults_of(redis))]()
            await wait_for_the_end(shop)
    journal = await shop.journal()
    assert {item["state"] for item in journal.items.values()} == {"completed", "compensated"}
    assert len(shop.record.shipments) == COUNT - COUNT // 10
    assert max(item["deaths"] for item in journal.items.values()) >= 1


async def holders(shop: Shop, consumers: list[subprocess.Popen[bytes]]) -> list[int]:
    """The numbers of the consumers that hold items now; an owner's name contains its pid."""
    items = (await shop.journal()).items.values()
    pids = {int(item["owner"].rsplit("-", 2)[1]) for item in items if item["owner"]}
    return [number for number, one in enumerate(consumers) if one.pid in pids]


async def wait_for_calls(shop: Shop, before: int, consumers: list[subprocess.Popen[bytes]]) -> int:
    """Wait for 40 more provider calls, or until all is done; returns the number of calls."""
    until = time.monotonic() + DEADLINE_SECONDS
    while (calls := shop.calls) < before + 40 and await unended(shop):
        assert time.monotonic() < until
        assert any(one.poll() is None for one in consumers)
        time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs here
    return calls


async def wait_for_the_end(shop: Shop) -> None:
    until = time.monotonic() + DEADLINE_SECONDS
    while await unended(shop):
        assert time.monotonic() < until
        time.sleep(0.2)  # noqa: ASYNC251 - nothing else runs here


async def unended(shop: Shop) -> int:
    items = (await shop.journal()).items.values()
    return sum(item["ended_at"] is None for item in items)

"""Three consumers die at random while Redis dies, forgets, hangs and is full: every order ends, once."""

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
PATIENCE = 400.0


@pytest.fixture(autouse=True)
def _short_lease(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And a Redis of the shop's own, for its folder's sake."""
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


def blows_at(redis: Valkey) -> list[Callable[[], object]]:
    """What happens to Redis; each leaves it so that it can come back."""

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
    "journal_url,blows",
    [("sqlite", 5), pytest.param("postgresql", 5, marks=pytest.mark.campaign)],
    indirect=["journal_url"],
)
async def test_three_consumers_killed_at_random_and_redis_too(shop: Shop, blows: int) -> None:
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
            crew = [stack.enter_context(consumer()) for _ in range(CONSUMERS)]
            before = 0
            for blow in range(blows):
                before = await worked_since(shop, before, crew)
                victim = rng.choice(await at_work(shop, crew) or range(CONSUMERS))
                crew[victim].kill()
                crew[victim] = stack.enter_context(consumer())
                blows_at(redis)[blow % len(blows_at(redis))]()
            await ended(shop)
    journal = await shop.journal()
    assert {item["state"] for item in journal.items.values()} == {"completed", "compensated"}
    assert len(shop.record.shipments) == COUNT - COUNT // 10
    assert max(item["deaths"] for item in journal.items.values()) >= 1


async def at_work(shop: Shop, crew: list[subprocess.Popen[bytes]]) -> list[int]:
    """Those that hold items now: an owner's name has the number of its process in it."""
    items = (await shop.journal()).items.values()
    pids = {int(item["owner"].rsplit("-", 2)[1]) for item in items if item["owner"]}
    return [number for number, one in enumerate(crew) if one.pid in pids]


async def worked_since(shop: Shop, before: int, crew: list[subprocess.Popen[bytes]]) -> int:
    """Until the providers had some more calls, or all is done: a blow in the midst of work."""
    until = time.monotonic() + PATIENCE
    while (calls := shop.calls) < before + 40 and await unended(shop):
        assert time.monotonic() < until
        assert any(one.poll() is None for one in crew)
        time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs here
    return calls


async def ended(shop: Shop) -> None:
    until = time.monotonic() + PATIENCE
    while await unended(shop):
        assert time.monotonic() < until
        time.sleep(0.2)  # noqa: ASYNC251 - nothing else runs here


async def unended(shop: Shop) -> int:
    items = (await shop.journal()).items.values()
    return sum(item["ended_at"] is None for item in items)

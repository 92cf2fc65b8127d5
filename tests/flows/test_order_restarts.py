"""A run that is killed or stopped: the next run finishes its orders, each once."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from agents.runtime.settings import PREFIX, ROOT, settings
from tests.flows.shop import DECLINED_CARD, Body, Shop

COUNT = 40
CALLS = 220  # of some 280 in all
MOST_KILLS = 3  # a kill between two batches leaves no order held
SLOW = "payments.capture:slow=1;payments.refund:slow=1"
START_SECONDS = 250
LEASE = 2  # seconds; on a busy machine a living process may miss its heartbeat for one


@pytest.fixture(autouse=True)
def _short_lease(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.slow
async def test_the_next_run_finishes_the_orders_of_a_killed_run(shop: Shop) -> None:
    """kill -9 in the middle of a batch; tests/faults kills at every point."""
    bodies = mixed_orders(shop)
    for _ in range(MOST_KILLS):
        interrupted(shop, bodies, CALLS // 5, signal.SIGKILL)
        if {item["owner"] for item in (await shop.journal()).items.values()} != {None}:
            break
    else:
        pytest.fail("no kill met a run that held orders")

    report = await shop.process(bodies, batch_size=16)

    assert report.items == COUNT
    journal = await shop.journal()
    outcomes = [item["outcome"] for item in journal.items.values()]
    assert outcomes.count("shipped") == COUNT - 12
    assert outcomes.count("refunded") == outcomes.count("rejected") == 4
    assert [item["state"] for item in journal.items.values()].count("waiting") == 4
    assert 0 < max(item["deaths"] for item in journal.items.values()) <= MOST_KILLS


@pytest.mark.campaign
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_run_that_is_killed_twice_still_finishes(shop: Shop) -> None:
    bodies = mixed_orders(shop)
    for calls in (60, 60):
        interrupted(shop, bodies, calls, signal.SIGKILL)
        await asyncio.sleep(LEASE + 0.2)

    report = await shop.process(bodies)

    assert report.items == COUNT
    assert not (await shop.journal()).dead


@pytest.mark.slow
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_ctrl_c_hands_orders_back_and_counts_no_crash(shop: Shop) -> None:
    bodies = mixed_orders(shop)

    interrupted(shop, bodies, CALLS // 2, signal.SIGINT)

    items = (await shop.journal()).items.values()
    assert {item["owner"] for item in items} == {None}
    assert {item["deaths"] for item in items} == {0}
    assert {item["state"] for item in items} & {"pending", "compensating"}
    report = await shop.process(bodies)
    assert report.items == COUNT
    assert {item["deaths"] for item in (await shop.journal()).items.values()} == {0}


def mixed_orders(shop: Shop) -> list[Body]:
    """Orders of which every tenth is declined, another finds no carrier and a third waits."""
    special: dict[int, Callable[[int], Body]] = {
        3: lambda n: shop.order(n, payment_method=DECLINED_CARD),
        5: lambda n: shop.order(n, "anvil"),
        7: lambda n: shop.order(n, price=700_000),
    }
    return [special.get(n % 10, shop.order)(n) for n in range(COUNT)]


def interrupted(shop: Shop, bodies: list[Body], calls: int, how: signal.Signals) -> None:
    """Run the flow in a process of its own and signal it after this number of provider calls."""
    before, until = shop.calls, time.monotonic() + START_SECONDS
    arguments = [shop.write(bodies), shop.report, shop.stock, SLOW]
    command = [sys.executable, "-m", "tests.flows.run_orders", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as running:
        while shop.calls - before < calls:
            assert running.poll() is None, "the run ended before the signal"
            assert time.monotonic() < until
            time.sleep(0.002)
        running.send_signal(how)
        running.wait(timeout=20)
    assert running.returncode != 0

"""Consumers process queued orders, whichever process queued them."""

import asyncio

import pytest

from agents.runtime.context import open_runtime
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queue_admin import pause, resume
from agents.runtime.settings import settings
from flows.operations.consumer import Consumed, consume
from flows.order_processing import enqueue_orders
from tests.flows.shop import DECLINED_CARD, Body, Shop

pytestmark = pytest.mark.usefixtures("redis_in_the_shop")


@pytest.fixture
def redis_in_the_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Redis at all: signals are lost, and polling finds the work."""
    monkeypatch.setenv("AGENT_FLOWS_REDIS_URL", f"unix://{shop.folder}/nobody.sock")
    settings.cache_clear()


async def enqueue(
    shop: Shop, bodies: list[Body | bytes], name: str = "queued.jsonl"
) -> dict[str, str]:
    file = shop.write(bodies, name)
    listing = await enqueue_orders.fn(
        file, priority=Priority.NORMAL, report=shop.report, stock=shop.stock
    )
    return {row["outcome"]: row["orders"] for row in listing.table}


async def serve(idle: float = 0.5) -> Consumed:
    return await consume.fn(idle_seconds=idle)


@pytest.mark.slow
async def test_queued_orders_are_processed_once(shop: Shop) -> None:
    bodies: list[Body | bytes] = [
        *shop.orders(20),
        shop.order(20, "anvil"),
        shop.order(21, payment_method=DECLINED_CARD),
        b"no order",
    ]
    assert await enqueue(shop, bodies) == {"rejected": "1", "queued": "22"}
    assert len(shop.rejected) == 1
    assert shop.record.payments == {}

    consumed = await serve()

    assert sorted(consumed.lines) == ["refunded: 1", "rejected: 1", "shipped: 20"]
    assert {row["step"] for row in consumed.table} >= {"assess_risk", "capture_payment"}
    assert await enqueue(shop, bodies) == {"rejected": "1", "already done": "22"}
    assert "0 items" in (await serve()).title


@pytest.mark.slow
async def test_two_consumers_and_a_run_over_the_same_file_do_each_order_once(shop: Shop) -> None:
    bodies = shop.orders(40)
    await enqueue(shop, [*bodies])
    *_, report = await asyncio.gather(serve(), serve(), shop.process(bodies, batch_size=8))
    assert report.items == 40
    assert len(shop.record.shipments) == 40


@pytest.mark.slow
async def test_a_paused_queue_waits(shop: Shop) -> None:
    await enqueue(shop, [*shop.orders(2)])
    async with open_runtime(settings()) as opened:
        await pause(opened.journal, "orders", "ann", "stocktaking")
    assert "0 items" in (await serve()).title
    async with open_runtime(settings()) as opened:
        await resume(opened.journal, "orders")
    assert "2 items" in (await serve()).title

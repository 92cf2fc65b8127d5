"""What people see of a queue and do to it, as flows."""

import pytest

from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.fair_queueing import Priority
from flows.operations import queues as queueing
from flows.operations.consumer import consume
from flows.order_processing import enqueue_orders
from tests.flows.shop import Shop


async def enqueue(shop: Shop, count: int) -> None:
    file = shop.write(shop.orders(count))
    await enqueue_orders.fn(file, Priority.NORMAL, report=shop.report, stock=shop.stock)


@pytest.mark.slow
async def test_a_queue_is_looked_at_paused_and_resumed(shop: Shop) -> None:
    await enqueue(shop, 3)
    await queueing.pause_queue.fn("ann", "stocktaking")
    await consume.fn(idle_seconds=0.2)
    listing = await queueing.backlog.fn()
    assert listing.title == "3 items of orders wait"
    assert (listing.table[0]["priority"], listing.table[0]["waiting"]) == ("normal", "3")
    await queueing.resume_queue.fn()
    await consume.fn(idle_seconds=0.2)
    assert (await queueing.backlog.fn()).title == "0 items of orders wait"


@pytest.mark.slow
async def test_an_item_is_moved_and_a_rate_lets_only_some_through(shop: Shop) -> None:
    await enqueue(shop, 3)
    last = shop.order_id(2)
    assert "front" in (await queueing.move.fn(last, "front", "ann", "she waits here")).title
    await queueing.limit_rate.fn(per_second=0.01)
    await consume.fn(idle_seconds=0.2)
    assert list(shop.record.shipments) == [last]
    await queueing.limit_rate.fn(per_second=0)
    await consume.fn(idle_seconds=0.2)
    assert len(shop.record.shipments) == 3
    with pytest.raises(IllegalTransition):
        await queueing.move.fn(last, "back", "ann", "too late")

"""Operations on queues: show, pause, resume, limit, move."""

import pytest

from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.scale import BadScaleBounds
from flows.operations import queues
from flows.operations.consumer import consume
from flows.operations.scaling import scale
from flows.order_processing import enqueue_orders
from tests.flows.shop import Shop


async def enqueue(shop: Shop, count: int) -> None:
    file = shop.write(shop.orders(count))
    await enqueue_orders.fn(file, Priority.NORMAL, report=shop.report, stock=shop.stock)


@pytest.mark.slow
async def test_a_queue_is_shown_paused_and_resumed(shop: Shop) -> None:
    await enqueue(shop, 3)
    await queues.pause_queue.fn("ann", "stocktaking")
    await consume.fn(idle_seconds=0.2)
    listing = await queues.backlog.fn()
    assert listing.title == "3 items of orders wait"
    assert (listing.table[0]["priority"], listing.table[0]["waiting"]) == ("normal", "3")
    held = await queues.order_queue.fn("fifo", "ann", "odd forecasts")
    assert held.title == "the queue of orders: first in, first out, held by an operator"
    assert (await queues.backlog.fn()).title.endswith(
        " wait; first in, first out, held by an operator"
    )
    await queues.order_queue.fn("by-forecast", "ann", "they are good again")
    await queues.resume_queue.fn(by="ann", reason="it is done")
    await consume.fn(idle_seconds=0.2)
    assert (await queues.backlog.fn()).title == "0 items of orders wait"


@pytest.mark.slow
async def test_an_item_is_moved_and_a_rate_limit_holds_others_back(shop: Shop) -> None:
    await enqueue(shop, 3)
    last = shop.order_id(2)
    assert "front" in (await queues.move.fn(last, "front", "ann", "she waits here")).title
    await queues.limit_rate.fn(by="ann", reason="a campaign", per_second=0.01)
    await consume.fn(idle_seconds=0.2)
    assert list(shop.record.shipments) == [last]
    await queues.limit_rate.fn(by="ann", reason="a campaign", per_second=0)
    await consume.fn(idle_seconds=0.2)
    assert len(shop.record.shipments) == 3
    with pytest.raises(IllegalTransition):
        await queues.move.fn(last, "back", "ann", "too late")


@pytest.mark.slow
async def test_the_scale_of_a_queue_is_shown_and_changed(shop: Shop) -> None:
    await enqueue(shop, 3)
    shown = await scale.fn()
    assert shown.title == "orders: 0 to 8 consumers; no consumer runs: nothing is drained"
    assert [(row["version"], row["wanted"]) for row in shown.table] == [("1", "1")]
    with pytest.raises(BadScaleBounds, match="add --by and --reason"):
        await scale.fn(most=12)
    changed = await scale.fn(least=2, most=12, by="ann", reason="the sale begins")
    assert changed.title.startswith("orders: 2 to 12 consumers")
    assert changed.table[0]["wanted"] == "2"
    with pytest.raises(BadScaleBounds, match="most must be 2 to 1,000"):
        await scale.fn(most=1, by="ann", reason="a slip")
    await consume.fn(idle_seconds=0.2)
    assert (await scale.fn()).title.endswith("nothing waits")

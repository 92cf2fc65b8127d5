"""What ended is heard of on the bus: the customer is told, also if the run that shipped has died."""

import asyncio
from typing import Any

import pytest

from agents.orders.assess_risk import assess_risk
from agents.orders.book_shipment import book_shipment
from agents.orders.payments import authorise_payment, capture_payment, open_payment
from agents.orders.reserve_stock import issue_stock, reserve_stock
from agents.orders.run import open_run
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.saga import saga
from flows.operations.item_events import hear_item_events
from tests.agents.runtime.jobs import until
from tests.flows.shop import Shop


async def ship_and_die(shop: Shop, count: int) -> None:
    """All that happens to orders before anybody is told."""
    story: tuple[Agent[..., Any], ...] = (
        *(assess_risk, reserve_stock, open_payment, authorise_payment),
        *(capture_payment, book_shipment, issue_stock),
    )
    file = shop.write(shop.orders(count))
    async with open_run(file, faults="none", stock=shop.stock, report=shop.report) as run:
        async for batch in run.accepted(256):
            async with saga(batch):
                current = batch
                for step in story:
                    current = await step(current)


@pytest.mark.slow
async def test_shipped_orders_are_told_of_by_whoever_hears_of_them(shop: Shop) -> None:
    await hear_item_events.fn(
        for_seconds=0.5
    )  # from now on the group is known, and nothing is forgotten
    await ship_and_die(shop, 5)
    assert shop.record.messages.total() == 0

    listening = asyncio.create_task(hear_item_events.fn(for_seconds=60))
    await until(lambda: shop.record.messages.total() == 5, seconds=60)
    await shop.process(shop.orders(7))
    await until(lambda: shop.record.messages.total() == 7, seconds=60)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert set(shop.record.messages.values()) == {1}

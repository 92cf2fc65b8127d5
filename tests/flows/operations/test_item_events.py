"""Ends of orders are published: customers get their message even if the run that shipped was killed."""

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


async def ship_without_messages(shop: Shop, count: int) -> None:
    """Run every step of orders but the message to the customer, as a killed process does."""
    steps: tuple[Agent[..., Any], ...] = (
        *(assess_risk, reserve_stock, open_payment, authorise_payment),
        *(capture_payment, book_shipment, issue_stock),
    )
    file = shop.write(shop.orders(count))
    async with open_run(file, faults="none", stock=shop.stock, report=shop.report) as run:
        async for batch in run.accepted(256):
            async with saga(batch):
                current = batch
                for step in steps:
                    current = await step(current)


@pytest.mark.slow
async def test_unsent_messages_of_shipped_orders_are_sent_once(shop: Shop) -> None:
    await hear_item_events.fn(for_seconds=0.5)  # registers the group: messages are kept for it now
    await ship_without_messages(shop, 5)
    assert shop.record.messages.total() == 0

    subscribed = asyncio.create_task(hear_item_events.fn(for_seconds=60))
    await until(lambda: shop.record.messages.total() == 5, seconds=60)
    await shop.process(shop.orders(7))
    await until(lambda: shop.record.messages.total() == 7, seconds=60)
    subscribed.cancel()
    await asyncio.gather(subscribed, return_exceptions=True)
    assert set(shop.record.messages.values()) == {1}

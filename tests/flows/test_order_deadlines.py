"""An order with a deadline: if it is not shipped in time, it is undone and the customer gets a message."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from agents.orders.scenario import ORDERS
from agents.orders.validate import check_order
from agents.runtime.context import open_runtime
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.model.batch import RunStats
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.workflow.records import canonical
from flows.fulfilment import fulfil
from tests.flows.shop import GOODS, Body, Shop

DEADLINE = timedelta(seconds=4)


async def process_in_time(shop: Shop, body: Body, faults: str) -> RunStats:
    """Process one order that has a deadline; returns what became of it."""
    order, stats = check_order(orjson.loads(orjson.dumps(body))), RunStats()
    scenario = replace(ORDERS, deadline=lambda _order: DEADLINE)
    record = Submission(order.order_id, canonical(order), order, 1)
    async with open_runtime(settings()), connect_services(settings(), faults, Path(shop.stock)):
        async for batch in Intake(scenario, stats, print).accepted([record], 1):
            await fulfil(batch)
    return stats


@pytest.mark.slow
async def test_an_order_that_no_carrier_takes_in_time_is_refunded_and_its_stock_released(
    shop: Shop,
) -> None:
    stats = await process_in_time(shop, shop.order(1), "carriers.book:outage=1")

    assert stats.outcomes == Counter(refunded=1)
    assert stats.reasons == {"refunded": {"deadline exceeded": 1}}
    [payment] = shop.record.payments[shop.order_id(1)]
    assert payment["received"] == payment["refunded"] == 1_999
    assert shop.record.goods[shop.sku("lamp")]["on_hand"] == GOODS["lamp"][0]
    assert stats.metrics["messages sent"] == 1


async def test_an_order_that_is_in_time_is_shipped(shop: Shop) -> None:
    stats = await process_in_time(shop, shop.order(1), "")
    assert stats.outcomes == Counter(shipped=1)

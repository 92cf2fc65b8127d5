"""An order with a promise: what cannot be kept in time is undone, and the customer is told."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from agents.orders.scenario import ORDERS
from agents.orders.validate import canonical, check_order
from agents.runtime.intake import Candidate, Intake
from agents.runtime.journal import open_journal
from agents.runtime.settings import settings
from agents.runtime.tally import Tally
from agents.services import connect_services
from flows.order_processing import fulfil
from tests.flows.shop import GOODS, Body, Shop

PROMISE = timedelta(seconds=4)


async def promised(shop: Shop, body: Body, faults: str) -> Tally:
    """Take one order through the story, which is to be over when its promise is due."""
    order, tally = check_order(orjson.loads(orjson.dumps(body))), Tally()
    scenario = replace(ORDERS, deadline=lambda _order: PROMISE)
    record = Candidate(order.order_id, canonical(order), order, 1)
    async with open_journal(settings()), connect_services(settings(), faults, Path(shop.stock)):
        async for batch in Intake(scenario, tally, print).accepted([record], 1):
            await fulfil(batch)
    return tally


@pytest.mark.slow
async def test_what_no_carrier_takes_in_time_is_refunded_released_and_told(shop: Shop) -> None:
    tally = await promised(shop, shop.order(1), "carriers.book:outage=1")

    assert tally.outcomes == Counter(refunded=1)
    assert tally.reasons == {"refunded": {"deadline exceeded": 1}}
    [payment] = shop.record.payments[shop.order_id(1)]
    assert payment["received"] == payment["refunded"] == 1_999
    assert shop.record.goods[shop.sku("lamp")]["on_hand"] == GOODS["lamp"][0]
    assert tally.measures["messages sent"] == 1


async def test_what_is_quick_enough_is_shipped(shop: Shop) -> None:
    tally = await promised(shop, shop.order(1), "")
    assert tally.outcomes == Counter(shipped=1)

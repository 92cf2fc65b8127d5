"""Recovery finishes orders that killed processes left, and rejects those that nobody decides.

The flows' functions are called outside of Prefect, so no server is needed; after every test the
invariants of tests/invariants.py must hold.
"""

import asyncio

import pytest

from flows.cli.reports import Listing
from flows.operations.recovery import recover
from tests.flows.conftest import LEASE
from tests.flows.operating import ended, killed_at_the_carrier, outage
from tests.flows.shop import Shop


async def recovered() -> dict[str, int]:
    listing = await recover.fn()
    return {row["what"]: int(row["items"]) for row in listing.table}


@pytest.mark.slow
@pytest.mark.usefixtures("short_lease")
async def test_recovery_finishes_orders_of_a_killed_process(shop: Shop) -> None:
    killed_at_the_carrier(shop, [shop.order(1), shop.order(2, "anvil"), shop.order(3)])
    await asyncio.sleep(LEASE)

    found = await recovered()

    assert (found["shipped"], found["refunded"]) == (2, 1)
    assert await recovered() == {}
    assert shop.record.messages.total() == 3


async def test_recovery_escalates_and_then_rejects_orders_that_nobody_decides(shop: Shop) -> None:
    await shop.process([shop.order(1, price=700_000)])
    first = await recover.fn(escalate_after_hours=0, reject_after_hours=0)
    second = await recover.fn(escalate_after_hours=0, reject_after_hours=0)
    assert [row["what"] for row in first.table] == ["escalated"]
    assert [row["what"] for row in second.table] == ["rejected", "rejected by time-out"]
    assert await ended(shop, shop.order_id(1)) == ("failed", "rejected")


async def test_old_dead_letters_are_reported_by_every_recovery(shop: Shop) -> None:
    await outage(shop, 2)
    assert await recovered() == {}
    listing: Listing = await recover.fn(letter_limit_hours=0)
    assert listing.table == [{"scenario": "orders", "what": "old dead letters", "items": "2"}]

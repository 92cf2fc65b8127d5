"""Stock is held, given back or issued, and every outcome can be found again by its key."""

import pytest

from agents.orders.models import Booked, Order
from agents.orders.reserve_stock import (
    find_issue,
    find_release,
    find_reservation,
    issue_stock,
    release_stock,
    reserve_stock,
)
from agents.runtime.execution.agent import EffectKey, UndoneKey
from agents.runtime.model.policies import Lookup
from agents.services.http import Rejected
from agents.services.inventory.protocol import Inventory, OutOfStock, UnknownSku

BOOKED = Booked(carrier="swift", tracking_id="t")


async def test_all_lines_are_held_and_found_by_the_key(
    inventory: Inventory, order: Order, key: str
) -> None:
    assert await find_reservation(order, EffectKey(key), inventory) is None

    reserved = await reserve_stock.function(order, EffectKey(key), inventory)

    assert (reserved.reservation, reserved.weight_grams) == (key, 3 * 400)
    assert await find_reservation(order, EffectKey(key), inventory) == reserved


async def test_nothing_is_held_if_one_line_is_missing(
    inventory: Inventory, order: Order, key: str
) -> None:
    much = order.lines[1].model_copy(update={"quantity": 10_000})
    unknown = order.lines[1].model_copy(update={"sku": "no-such"})

    for line, error in ((much, OutOfStock), (unknown, UnknownSku)):
        with pytest.raises(error):
            await reserve_stock.function(
                order.model_copy(update={"lines": (order.lines[0], line)}),
                EffectKey(key),
                inventory,
            )
        assert await find_reservation(order, EffectKey(key), inventory) is None


async def test_a_release_closes_the_key_for_calls_that_come_late(
    inventory: Inventory, order: Order, key: str
) -> None:
    await reserve_stock.function(order, EffectKey(key), inventory)
    assert await find_release(order, UndoneKey(key), inventory) is None

    released = await release_stock.function(order, UndoneKey(key), inventory)

    assert await find_release(order, UndoneKey(key), inventory) == released
    assert await find_reservation(order, EffectKey(key), inventory) is None
    with pytest.raises(Rejected, match="closed"):
        await reserve_stock.function(order, EffectKey(key), inventory)


async def test_a_key_never_seen_can_be_released(
    inventory: Inventory, order: Order, key: str
) -> None:
    await release_stock.function(order, UndoneKey(key), inventory)

    with pytest.raises(Rejected, match="closed"):
        await reserve_stock.function(order, EffectKey(key), inventory)


async def test_what_left_the_warehouse_is_found(
    inventory: Inventory, order: Order, key: str
) -> None:
    reserved = await reserve_stock.function(order, EffectKey(key), inventory)
    assert await find_issue(order, reserved, inventory) is None

    issued = await issue_stock.function(order, reserved, BOOKED, inventory)

    assert await find_issue(order, reserved, inventory) == issued
    assert await issue_stock.function(order, reserved, BOOKED, inventory) == issued


def test_unknown_outcomes_are_looked_up_and_a_reservation_is_undone_by_a_release() -> None:
    assert reserve_stock.settle == Lookup(find_reservation)
    assert release_stock.settle == Lookup(find_release)
    assert issue_stock.settle == Lookup(find_issue)
    assert reserve_stock.undo is release_stock

"""Stock is held, given back or issued, and every outcome can be found again by its key."""

import pytest

from agents.orders.models import Order
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
from agents.services import Services
from agents.services.http import Rejected
from agents.services.inventory.protocol import OutOfStock, UnknownSku


async def test_all_lines_are_held_and_found_by_the_key(
    services: Services, order: Order, key: str
) -> None:
    assert await find_reservation(order, EffectKey(key)) is None

    reserved = await reserve_stock.function(order, EffectKey(key))

    assert (reserved.reservation, reserved.weight_grams) == (key, 3 * 400)
    assert await find_reservation(order, EffectKey(key)) == reserved


async def test_nothing_is_held_if_one_line_is_missing(
    services: Services, order: Order, key: str
) -> None:
    much = order.lines[1].model_copy(update={"quantity": 10_000})
    unknown = order.lines[1].model_copy(update={"sku": "no-such"})

    for line, error in ((much, OutOfStock), (unknown, UnknownSku)):
        with pytest.raises(error):
            await reserve_stock.function(
                order.model_copy(update={"lines": (order.lines[0], line)}), EffectKey(key)
            )
        assert await find_reservation(order, EffectKey(key)) is None


async def test_a_release_closes_the_key_for_calls_that_come_late(
    services: Services, order: Order, key: str
) -> None:
    await reserve_stock.function(order, EffectKey(key))
    assert await find_release(order, UndoneKey(key)) is None

    released = await release_stock.function(order, UndoneKey(key))

    assert await find_release(order, UndoneKey(key)) == released
    assert await find_reservation(order, EffectKey(key)) is None
    with pytest.raises(Rejected, match="closed"):
        await reserve_stock.function(order, EffectKey(key))


async def test_a_key_never_seen_can_be_released(services: Services, order: Order, key: str) -> None:
    await release_stock.function(order, UndoneKey(key))

    with pytest.raises(Rejected, match="closed"):
        await reserve_stock.function(order, EffectKey(key))


async def test_what_left_the_warehouse_is_found(services: Services, order: Order, key: str) -> None:
    reserved = await reserve_stock.function(order, EffectKey(key))
    assert await find_issue(order, reserved) is None

    issued = await issue_stock.function(order, reserved)

    assert await find_issue(order, reserved) == issued
    assert await issue_stock.function(order, reserved) == issued


def test_unknown_outcomes_are_looked_up_and_a_reservation_is_undone_by_a_release() -> None:
    assert reserve_stock.settle == Lookup(find_reservation)
    assert release_stock.settle == Lookup(find_release)
    assert issue_stock.settle == Lookup(find_issue)
    assert reserve_stock.undo is release_stock

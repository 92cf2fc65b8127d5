"""Money is held, taken once, and given back whatever was known when the order failed."""

import pytest

from agents.orders.models import Authorised, Order, PaymentClosed, PaymentOpened
from agents.orders.payments import (
    authorise_payment,
    capture_payment,
    close_payment,
    find_authorised,
    find_captured,
    find_closed,
    open_payment,
)
from agents.orders.rules import REFUND_LIMIT
from agents.runtime.errors import Parked
from agents.runtime.execution.agent import BegunAt, EffectKey, Reference, UndoneKey
from agents.runtime.model.item import Decision
from agents.runtime.model.policies import SameKey
from agents.services.payments.protocol import Declined, Payments

REFERENCE, BEGUN = Reference("an order"), BegunAt(0.0)


def held(opened: PaymentOpened) -> Authorised:
    """The payment when its money is held."""
    return Authorised(payment=opened.payment)


async def test_each_step_is_found_once_it_is_done(
    payments: Payments, order: Order, key: str
) -> None:
    opened = await open_payment.function(order, EffectKey(f"{key}:open"), REFERENCE, payments)
    assert await find_authorised(order, opened, payments) is None

    authorised = await authorise_payment.function(
        order, opened, EffectKey(f"{key}:authorise"), payments
    )
    assert await find_authorised(order, opened, payments) == authorised
    assert await find_captured(order, held(opened), payments) is None

    captured = await capture_payment.function(
        order, held(opened), EffectKey(f"{key}:capture"), payments
    )
    assert await find_captured(order, held(opened), payments) == captured
    assert captured.amount == order.total


async def test_the_same_key_opens_the_same_payment(
    payments: Payments, order: Order, key: str
) -> None:
    first = await open_payment.function(order, EffectKey(key), REFERENCE, payments)

    assert await open_payment.function(order, EffectKey(key), REFERENCE, payments) == first
    assert isinstance(open_payment.settle, SameKey)


async def test_a_captured_payment_is_refunded_once(
    payments: Payments, order: Order, key: str
) -> None:
    opened = await open_payment.function(order, EffectKey(f"{key}:open"), REFERENCE, payments)
    await authorise_payment.function(order, opened, EffectKey(f"{key}:authorise"), payments)
    await capture_payment.function(order, held(opened), EffectKey(f"{key}:capture"), payments)
    assert await find_closed(order, opened, payments) is None

    for _ in range(2):
        closed = await close_payment.function(
            order,
            opened,
            UndoneKey(f"{key}:open"),
            EffectKey(f"{key}:close"),
            REFERENCE,
            BEGUN,
            None,
            payments,
        )
        assert closed == PaymentClosed(payment=opened.payment, refunded=order.total)
        assert await find_closed(order, opened, payments) == closed


async def test_a_payment_that_is_only_held_is_let_go(
    payments: Payments, order: Order, key: str
) -> None:
    opened = await open_payment.function(order, EffectKey(f"{key}:open"), REFERENCE, payments)
    await authorise_payment.function(order, opened, EffectKey(f"{key}:authorise"), payments)

    closed = await close_payment.function(
        order,
        opened,
        UndoneKey(f"{key}:open"),
        EffectKey(f"{key}:close"),
        REFERENCE,
        BEGUN,
        None,
        payments,
    )

    assert closed.refunded == 0
    assert (await payments.find(opened.payment)).status == "cancelled"
    assert await find_closed(order, opened, payments) == closed


async def test_a_payment_whose_opening_is_unknown_is_learnt_by_its_key_and_closed(
    payments: Payments, order: Order, key: str
) -> None:
    opened = await open_payment.function(order, EffectKey(f"{key}:open"), REFERENCE, payments)

    closed = await close_payment.function(
        order,
        None,
        UndoneKey(f"{key}:open"),
        EffectKey(f"{key}:close"),
        REFERENCE,
        BEGUN,
        None,
        payments,
    )

    assert closed.payment == opened.payment
    assert (await payments.find(opened.payment)).status == "cancelled"
    assert await find_closed(order, None, payments) is None


async def test_a_declined_card_is_a_permanent_failure(
    payments: Payments, order: Order, key: str
) -> None:
    declined = order.model_copy(update={"payment_method": "pm_card_chargeDeclined"})
    opened = await open_payment.function(declined, EffectKey(f"{key}:open"), REFERENCE, payments)

    with pytest.raises(Declined):
        await authorise_payment.function(declined, opened, EffectKey(f"{key}:authorise"), payments)

    assert await find_authorised(declined, opened, payments) is None
    assert open_payment.undo is close_payment


async def test_a_large_refund_waits_for_a_person(
    payments: Payments, order: Order, key: str
) -> None:
    large = order.model_copy(update={"total": REFUND_LIMIT * 100 + 1})
    opened = await open_payment.function(large, EffectKey(f"{key}:open"), REFERENCE, payments)
    await authorise_payment.function(large, opened, EffectKey(f"{key}:authorise"), payments)
    await capture_payment.function(large, opened, EffectKey(f"{key}:capture"), payments)
    keys = UndoneKey(f"{key}:open"), EffectKey(f"{key}:close")

    with pytest.raises(Parked, match=r"refund USD 10,000\.01"):
        await close_payment.function(large, opened, *keys, REFERENCE, BEGUN, None, payments)
    assert (await payments.find(opened.payment)).refunded == 0

    approved = Decision("close_payment", approved=True, by="ann", reason="asked for")
    closed = await close_payment.function(
        large, opened, *keys, REFERENCE, BEGUN, approved, payments
    )
    assert closed.refunded == large.total

"""The money of a return: found again, confirmed by status, amount and currency, or asked of a person."""

from pathlib import Path

import pytest

from agents.orders.models import Captured, ExchangePaid, Order, ReturnDue, ReturnRefunded
from agents.orders.payments import authorise_payment, capture_payment, open_payment
from agents.orders.returns import ArrivedGoods
from agents.orders.settle_return import (
    charge_exchange,
    close_exchange,
    find_closed_exchange,
    find_paid,
    find_refunded,
    refund_return,
)
from agents.runtime.errors import Parked, Pending, WrongOutcome
from agents.runtime.execution.agent import BegunAt, EffectKey, Reference, UndoneKey
from agents.runtime.model.item import Decision
from agents.services.payments.protocol import NOTHING, Payments
from tests.agents.payment_bank import Bank

BEGUN = BegunAt(0.0)
ARRIVED = ArrivedGoods(order="W1", pieces=("A-1",))
APPROVED = Decision("refund_return", True, "ann", "paid by transfer")


@pytest.fixture
def bank(providers: Path) -> Bank:
    return Bank(providers)


async def due(
    payments: Payments, order: Order, key: str, back: int, method: str = "pm_card_visa"
) -> ReturnDue:
    """What is due for an order that is paid, after its goods have come back."""
    paying = order.model_copy(update={"payment_method": method})
    opened = await open_payment.function(paying, EffectKey(f"{key}:o"), Reference(key), payments)
    held = await authorise_payment.function(paying, opened, EffectKey(f"{key}:a"), payments)
    taken: Captured = await capture_payment.function(paying, held, EffectKey(f"{key}:c"), payments)
    return ReturnDue(
        order=order.order_id,
        name="Ann",
        email="ann@example.com",
        currency=order.currency,
        pieces=("A-1",),
        back=back,
        payment=taken.payment,
        method=method,
    )


async def refund(
    payments: Payments, what: ReturnDue, key: str, decision: Decision | None = None
) -> ReturnRefunded:
    made: ReturnRefunded = await refund_return.function(
        ARRIVED, what, EffectKey(f"{key}:refund"), Reference(key), decision, payments
    )
    return made


async def charge(
    payments: Payments, what: ReturnDue, key: str, decision: Decision | None = None
) -> ExchangePaid:
    paid: ExchangePaid = await charge_exchange.function(
        ARRIVED, what, EffectKey(f"{key}:charge"), Reference(key), decision, payments
    )
    return paid


async def test_a_part_is_refunded_once_and_found(
    payments: Payments, order: Order, key: str
) -> None:
    what, reference = await due(payments, order, key, 500), Reference(key)
    assert await find_refunded(ARRIVED, what, reference, payments) is None
    first = await refund(payments, what, key)
    assert (await refund(payments, what, key), first.amount) == (first, 500)
    assert await find_refunded(ARRIVED, what, reference, payments) == first
    assert (await payments.find(what.payment)).refunded == 5
    other = what.model_copy(update={"back": 499})
    with pytest.raises(WrongOutcome, match=r"of USD 5\.00 is succeeded, and USD 4\.99 is due"):
        await find_refunded(ARRIVED, other, reference, payments)


async def test_a_refund_on_its_way_is_waited_for_and_a_failed_one_is_asked_of_a_person(
    payments: Payments, order: Order, key: str, bank: Bank
) -> None:
    what = await due(payments, order, key, 500, "pm_card_pendingRefund")
    with pytest.raises(Pending, match="has not arrived"):
        await refund(payments, what, key)
    with pytest.raises(Pending):
        await find_refunded(ARRIVED, what, Reference(key), payments)
    failed = "UPDATE refunds SET status = 'failed', due = NULL WHERE payment_intent = ?"
    bank.change(failed, what.payment)
    assert await find_refunded(ARRIVED, what, Reference(key), payments) is None
    with pytest.raises(Parked, match="is failed; approve once it is paid in another way"):
        await refund(payments, what, key)
    assert (await payments.find(what.payment)).refunded == 0
    assert await refund(payments, what, key, APPROVED) == ReturnRefunded(refund="", amount=500)


async def test_more_than_is_left_or_to_another_method_is_asked_of_a_person(
    payments: Payments, order: Order, key: str
) -> None:
    what = await due(payments, order, key, order.total + 1)
    with pytest.raises(Parked, match=r"cannot be refunded: USD .* is left"):
        await refund(payments, what, key)
    by_hand = what.model_copy(update={"by_hand": True, "back": 500, "method": "gift"})
    with pytest.raises(Parked, match=r"pay USD 5\.00 for order .* to gift"):
        await refund(payments, by_hand, key)
    assert (await payments.find(what.payment)).refunded == 0


async def test_an_exchange_that_costs_more_is_charged_once_found_and_given_back(
    payments: Payments, order: Order, key: str
) -> None:
    what = await due(payments, order, key, -300)
    assert await refund(payments, what, key) == ReturnRefunded(refund="", amount=0)
    paid = await charge(payments, what, key)
    assert (await charge(payments, what, key), paid.amount) == (paid, 300)
    assert await find_paid(ARRIVED, what, Reference(key), BEGUN, payments) == paid
    assert await find_closed_exchange(ARRIVED, what, paid, payments) is None

    for known in (None, paid):  # an outcome that was never confirmed is learnt by the same key
        closed = await close_exchange.function(
            ARRIVED,
            what,
            known,
            UndoneKey(f"{key}:charge"),
            EffectKey(f"{key}:close"),
            Reference(key),
            payments,
        )
        assert (closed.payment, closed.refunded) == (paid.payment, 300)
        assert await find_closed_exchange(ARRIVED, what, paid, payments) == closed


async def test_a_declined_exchange_leaves_no_open_payment(
    payments: Payments, order: Order, key: str
) -> None:
    what = await due(payments, order, key, -300)
    what = what.model_copy(update={"method": "pm_card_chargeDeclinedExpiredCard"})
    for _ in range(2):
        with pytest.raises(Parked, match="declined: expired_card; approve once it is paid"):
            await charge(payments, what, key)
    listed = [one async for page in payments.listed(0) for one in page]
    [own] = [one for one in listed if one.reference == f"{key}:exchange"]
    assert (own.payment.status, own.payment.captured) == ("cancelled", NOTHING)
    assert await charge(payments, what, key, APPROVED) == ExchangePaid(payment="", amount=300)

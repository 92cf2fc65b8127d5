"""An answer counts only with the status, amount and currency that were asked for, over real HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

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
from agents.runtime.errors import Pending, WrongOutcome
from agents.runtime.execution.agent import BegunAt, EffectKey, Reference, UndoneKey
from agents.services.payments.protocol import NOTHING, PaymentCancelled, Payments, RefundFailed
from tests.agents.payment_bank import Bank

DAY = 86_400


@pytest.fixture
def paying(order: Order, request: pytest.FixtureRequest) -> Order:
    """The order, paid by the method that the test names."""
    return order.model_copy(update={"payment_method": getattr(request, "param", "pm_card_visa")})


def held(opened: PaymentOpened) -> Authorised:
    """The payment when its money is held."""
    return Authorised(payment=opened.payment)


def with_method(method: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("paying", [method], indirect=True)


@pytest.fixture
async def bank(providers: Path) -> AsyncIterator[Bank]:
    """The provider; its clock is set back after the test."""
    bank = Bank(providers)
    yield bank
    await bank.wait(-bank.ahead)


async def opened(payments: Payments, order: Order, key: str) -> PaymentOpened:
    found: PaymentOpened = await open_payment.function(
        order, EffectKey(f"{key}:open"), Reference(key), payments
    )
    return found


async def captured(payments: Payments, order: Order, key: str) -> PaymentOpened:
    found = await opened(payments, order, key)
    await authorise_payment.function(order, found, EffectKey(f"{key}:authorise"), payments)
    await capture_payment.function(order, held(found), EffectKey(f"{key}:capture"), payments)
    return found


async def close(payments: Payments, order: Order, found: PaymentOpened, key: str) -> PaymentClosed:
    keys = UndoneKey(f"{key}:open"), EffectKey(f"{key}:close"), Reference(key), BegunAt(0.0)
    closed: PaymentClosed = await close_payment.function(order, found, *keys, None, payments)
    return closed


async def test_400_of_1000_captured_is_not_paid_and_goes_back(
    payments: Payments, paying: Order, key: str, bank: Bank
) -> None:
    found = await opened(payments, paying, key)
    await authorise_payment.function(paying, found, EffectKey(f"{key}:authorise"), payments)
    path = f"/v1/payment_intents/{found.payment}/capture"
    await bank.ask(path, {"amount_to_capture": "400"})

    for act in (
        capture_payment.function(paying, held(found), EffectKey(f"{key}:capture"), payments),
        find_captured(paying, held(found), payments),
    ):
        with pytest.raises(WrongOutcome, match=r"captured with USD 4\.00, and USD 20\.30 is due"):
            await act
    assert (await close(payments, paying, found, key)).refunded == 400


@pytest.mark.parametrize("column, value", [("amount", 2_029), ("currency", "eur")])
async def test_another_amount_or_currency_is_not_what_was_asked(
    payments: Payments, paying: Order, key: str, bank: Bank, column: str, value: object
) -> None:
    found = await opened(payments, paying, key)
    await authorise_payment.function(paying, found, EffectKey(f"{key}:authorise"), payments)
    bank.change(f"UPDATE payment_intents SET {column} = ? WHERE id = ?", value, found.payment)
    with pytest.raises(WrongOutcome, match="is authorised with"):
        await find_authorised(paying, found, payments)
    with pytest.raises(WrongOutcome, match="is captured with"):
        await capture_payment.function(paying, held(found), EffectKey(f"{key}:capture"), payments)


async def test_what_the_bank_has_not_decided_is_looked_up_again(
    payments: Payments, paying: Order, key: str, bank: Bank
) -> None:
    found = await opened(payments, paying, key)
    status = "UPDATE payment_intents SET status = ?, received = ? WHERE id = ?"
    bank.change(status, "processing", 0, found.payment)
    for act in (
        authorise_payment.function(paying, found, EffectKey(f"{key}:authorise"), payments),
        capture_payment.function(paying, held(found), EffectKey(f"{key}:capture"), payments),
        find_authorised(paying, found, payments),
        find_captured(paying, held(found), payments),
        find_closed(paying, found, payments),
    ):
        with pytest.raises(Pending, match="is processing at the bank"):
            await act
    bank.change(status, "succeeded", paying.total, found.payment)
    captured = await find_captured(paying, held(found), payments)
    assert captured is not None
    assert captured.amount == paying.total


@with_method("pm_card_pendingRefund")
async def test_a_refund_that_is_pending_is_not_done(
    payments: Payments, paying: Order, key: str, bank: Bank
) -> None:
    found = await captured(payments, paying, key)
    for _ in range(2):
        with pytest.raises(Pending, match=r"refund of USD 20\.30"):
            await close(payments, paying, found, key)
        with pytest.raises(Pending):
            await find_closed(paying, found, payments)
    await bank.wait(61)
    done = PaymentClosed(payment=found.payment, refunded=paying.total)
    assert await find_closed(paying, found, payments) == done
    assert await close(payments, paying, found, key) == done


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_refund_that_has_failed_is_named_and_the_next_one_has_a_key_of_its_own(
    payments: Payments, paying: Order, key: str, bank: Bank, status: str
) -> None:
    found = await captured(payments, paying, key)
    await close(payments, paying, found, key)
    bank.change(
        "UPDATE refunds SET status = ?, failure_reason = 'lost_or_stolen_card'"
        " WHERE payment_intent = ?",
        status,
        found.payment,
    )
    with pytest.raises(RefundFailed, match=rf"USD 20\.30 is {status} \(lost_or_stolen_card\)"):
        await find_closed(paying, found, payments)
    again = await close(payments, paying, found, key)
    assert again.refunded == paying.total
    assert await find_closed(paying, found, payments) == again


@pytest.mark.parametrize("status", ["requires_action", "failed"])
async def test_a_refund_is_looked_at_before_it_counts(
    payments: Payments, paying: Order, key: str, bank: Bank, status: str
) -> None:
    found = await captured(payments, paying, key)
    await close(payments, paying, found, key)
    bank.change("UPDATE refunds SET status = ? WHERE payment_intent = ?", status, found.payment)
    standing = await payments.find(found.payment)
    assert (standing.refunded, standing.refunding > 0) == (NOTHING, status == "requires_action")


async def test_an_authorisation_expires_after_seven_days(
    payments: Payments, paying: Order, key: str, bank: Bank
) -> None:
    found = await opened(payments, paying, key)
    await authorise_payment.function(paying, found, EffectKey(f"{key}:authorise"), payments)
    await bank.wait(7 * DAY + 1)
    with pytest.raises(PaymentCancelled, match="automatic"):
        await capture_payment.function(paying, held(found), EffectKey(f"{key}:capture"), payments)
    assert (await close(payments, paying, found, key)).refunded == 0

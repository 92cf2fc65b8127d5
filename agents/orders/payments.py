"""Payment: open it, authorise it, capture it; one compensation closes it from each of these states.

The payment is opened first because that moves no money and gives an id. Every later unknown outcome is
settled by asking the provider for that id, never by a search, whose index may be behind.
"""

from datetime import timedelta

from agents.orders.models import Authorised, Captured, Order, PaymentClosed, PaymentOpened
from agents.orders.rules import refund_needs_approval
from agents.runtime import (
    EFFECT,
    BegunAt,
    Decision,
    EffectKey,
    KeySpent,
    Lookup,
    Parked,
    Reference,
    SameKey,
    UndoneKey,
    agent,
)
from agents.runtime.names import installation_of
from agents.services.payments.protocol import Payments
from agents.workflow.money import format_money

PAYMENTS = EFFECT.limited_by("payments")
KEY_LIFETIME = timedelta(hours=23)  # Stripe forgets keys after 24 hours
CLOCKS_DIFFER = 3600.0  # seconds by which the provider's clock may be off
MONEY_IS_HELD = {"authorised", "captured"}


async def find_opened(
    _order: Order, reference: Reference, begun: BegunAt, payments: Payments
) -> PaymentOpened | None:
    """The payment of this reference, if the provider's list has one that is not cancelled.

    The list shows a payment at once; Stripe's search, which would be shorter, may be behind. The
    references of earlier releases are not unique, and the payment of another order must not be taken.
    """
    if not installation_of(reference):
        return None
    async for page in payments.listed(begun - CLOCKS_DIFFER):
        for listed in page:
            if listed.reference == reference and listed.payment.status != "cancelled":
                return PaymentOpened(payment=listed.payment.id)
    return None


async def find_closed(
    _order: Order, opened: PaymentOpened | None, payments: Payments
) -> PaymentClosed | None:
    """The closed payment, if it can take no more money and holds none."""
    if opened is None:
        return None
    found = await payments.find(opened.payment)
    closed = found.status == "cancelled" or 0 < found.captured == found.refunded
    return PaymentClosed(payment=found.id, refunded=found.refunded) if closed else None


async def find_authorised(
    _order: Order, opened: PaymentOpened, payments: Payments
) -> Authorised | None:
    """The authorised payment, if the money is held or captured."""
    found = await payments.find(opened.payment)
    return Authorised(payment=found.id) if found.status in MONEY_IS_HELD else None


async def find_captured(
    _order: Order, opened: PaymentOpened, payments: Payments
) -> Captured | None:
    """The captured payment, if the shop has the money."""
    found = await payments.find(opened.payment)
    captured = found.status == "captured"
    return Captured(payment=found.id, amount=found.captured) if captured else None


@agent(PAYMENTS, settle=Lookup(find_closed))
async def close_payment(  # noqa: PLR0913 - an agent names all that it needs
    order: Order,
    opened: PaymentOpened | None,
    undone: UndoneKey,
    key: EffectKey,
    reference: Reference,
    begun: BegunAt,
    decision: Decision | None,
    payments: Payments,
) -> PaymentClosed:
    """Cancel the payment, so that it can take no more money, and refund what it has taken.

    A large refund waits for a person. If that person rejects it, the item becomes a dead letter.

    A payment whose opening was never confirmed is opened again under the same key, which gives its id.
    A late call with that key then finds it cancelled. If the provider repeats a failure under that key,
    no call with it can open one any more, and the list says whether one is open.
    """
    if opened is None:
        try:
            opened = PaymentOpened(payment=await _open(payments, order, undone, reference))
        except KeySpent:
            opened = await find_opened(order, reference, begun, payments)
    if opened is None:
        return PaymentClosed(payment="", refunded=0)
    payment = opened.payment
    closed = await payments.cancel(f"{key}:cancel", payment)
    if closed.status == "captured":
        if refund_needs_approval(closed.captured, order.currency) and decision is None:
            raise Parked(f"refund {format_money(closed.captured, order.currency)}?")
        closed = await payments.refund(f"{key}:refund", payment)
    return PaymentClosed(payment=payment, refunded=closed.refunded)


@agent(PAYMENTS, undo=close_payment, settle=SameKey(KEY_LIFETIME, find_opened))
async def open_payment(
    order: Order, key: EffectKey, reference: Reference, payments: Payments
) -> PaymentOpened:
    """Tell the provider what is to be paid; no money moves."""
    return PaymentOpened(payment=await _open(payments, order, key, reference))


@agent(PAYMENTS, settle=Lookup(find_authorised))
async def authorise_payment(
    _order: Order, opened: PaymentOpened, key: EffectKey, payments: Payments
) -> Authorised:
    """Hold the money on the customer's account. Raises Declined (permanent)."""
    authorised = await payments.authorise(key, opened.payment)
    return Authorised(payment=authorised.id)


@agent(PAYMENTS, settle=Lookup(find_captured))
async def capture_payment(
    _order: Order, opened: PaymentOpened, key: EffectKey, payments: Payments
) -> Captured:
    """Take the money that is held. Raises Declined (permanent)."""
    captured = await payments.capture(key, opened.payment)
    return Captured(payment=captured.id, amount=captured.captured)


async def _open(payments: Payments, order: Order, key: str, reference: str) -> str:
    opened = await payments.open(key, reference, order.total, order.currency, order.payment_method)
    return opened.id

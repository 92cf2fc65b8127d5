"""Payment: open it, authorise it, capture it; one compensation closes it from each of these states.

The payment is opened first because that moves no money and gives an id. Every later unknown outcome is
settled by asking the provider for that id, never by a search, whose index may be behind. An answer
counts only if it names the status, the amount and the currency that were asked for.
"""

from datetime import timedelta
from decimal import Decimal
from typing import NoReturn, Protocol

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
    Pending,
    Reference,
    SameKey,
    UndoneKey,
    WrongOutcome,
    agent,
)
from agents.runtime.names import installation_of
from agents.services.payments.protocol import Payment, Payments, RefundFailed, shown
from agents.workflow.money import format_money, to_major, to_minor

PAYMENTS = EFFECT.limited_by("payments")
KEY_LIFETIME = timedelta(hours=23)  # Stripe forgets keys after 24 hours
# Seconds: the clocks of the provider and of the host may each be off by an hour.
CLOCKS_DIFFER = 7_200.0
# How long a person is not asked about: a bank takes hours to decide, a refund to some banks two weeks.
BANK_DECIDES, REFUND_ARRIVES = timedelta(days=1), timedelta(days=14)


class Charge(Protocol):
    """What is to be paid: an order, or what an exchange costs more."""

    @property
    def total(self) -> int: ...  # noqa: D102
    @property
    def currency(self) -> str: ...  # noqa: D102
    @property
    def payment_method(self) -> str: ...  # noqa: D102


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
    order: Order, opened: PaymentOpened | None, payments: Payments
) -> PaymentClosed | None:
    """The closed payment, if it can take no more money and holds none. Raises Pending, RefundFailed."""
    if opened is None:
        return None
    found = await payments.find(opened.payment)
    require_decided(found)
    closed = found.status == "cancelled" or 0 < found.captured == found.refunded
    if found.refund_failure and not closed:
        raise RefundFailed(found.refund_failure)
    return _closed(found, order) if closed else None


async def find_authorised(
    order: Order, opened: PaymentOpened, payments: Payments
) -> Authorised | None:
    """The authorised payment, if the money is held or captured. Raises Pending, WrongOutcome."""
    found = await payments.find(opened.payment)
    return _authorised(found, order)


async def find_captured(
    order: Order, authorised: Authorised, payments: Payments
) -> Captured | None:
    """The captured payment, if the shop has all the money. Raises Pending, WrongOutcome."""
    found = await payments.find(authorised.payment)
    return _captured(found, order)


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
    Raises Pending until the money has arrived, and RefundFailed.

    A payment whose opening was never confirmed is opened again under the same key, which gives its id.
    A late call with that key then finds it cancelled. If the provider repeats a failure under that key,
    no call with it can open one any more, and the list says whether one is open.
    """
    if opened is None:
        try:
            found = await open_charge(payments, order, undone, reference)
            opened = PaymentOpened(payment=found.id)
        except KeySpent:
            opened = await find_opened(order, reference, begun, payments)
    if opened is None:
        return PaymentClosed(payment="", refunded=0)
    payment = opened.payment
    closed = await payments.cancel(f"{key}:cancel", payment)
    if closed.status == "captured":
        captured = to_minor(closed.captured, order.currency)
        if refund_needs_approval(captured, order.currency) and decision is None:
            raise Parked(f"refund {format_money(captured, order.currency)}?")
        closed = await payments.refund(f"{key}:refund", payment)
    require_decided(closed)
    return _closed(closed, order)


@agent(PAYMENTS, undo=close_payment, settle=SameKey(KEY_LIFETIME, find_opened))
async def open_payment(
    order: Order, key: EffectKey, reference: Reference, payments: Payments
) -> PaymentOpened:
    """Tell the provider what is to be paid; no money moves. Raises AmountRefused (permanent)."""
    opened = await open_charge(payments, order, key, reference)
    require_all(opened, order, opened.amount)
    return PaymentOpened(payment=opened.id)


@agent(PAYMENTS, settle=Lookup(find_authorised))
async def authorise_payment(
    order: Order, opened: PaymentOpened, key: EffectKey, payments: Payments
) -> Authorised:
    """Hold the money on the customer's account. Raises Declined, WrongOutcome (permanent), Pending."""
    found = await payments.authorise(key, opened.payment)
    return _authorised(found, order) or _wrong(found)


@agent(PAYMENTS, settle=Lookup(find_captured))
async def capture_payment(
    order: Order, authorised: Authorised, key: EffectKey, payments: Payments
) -> Captured:
    """Take the money that is held. Raises Declined, WrongOutcome (permanent), Pending."""
    found = await payments.capture(key, authorised.payment)
    return _captured(found, order) or _wrong(found)


async def open_charge(payments: Payments, charge: Charge, key: str, reference: str) -> Payment:
    """Open a payment of this charge; no money moves. Raises AmountRefused (permanent)."""
    due = to_major(charge.total, charge.currency)
    return await payments.open(key, reference, due, charge.currency, charge.payment_method)


def _authorised(found: Payment, order: Order) -> Authorised | None:
    require_decided(found)
    if found.status not in {"authorised", "captured"}:
        return None
    require_all(found, order, found.held if found.status == "authorised" else found.captured)
    return Authorised(payment=found.id)


def _captured(found: Payment, order: Order) -> Captured | None:
    require_decided(found)
    if found.status != "captured":
        return None
    require_all(found, order, found.captured - found.refunded - found.refunding)
    return Captured(payment=found.id, amount=order.total)


def _closed(found: Payment, order: Order) -> PaymentClosed:
    if found.status != "cancelled" and found.captured != found.refunded:
        _wrong(found)
    return PaymentClosed(payment=found.id, refunded=to_minor(found.refunded, order.currency))


def require_decided(found: Payment) -> None:
    """Raise Pending while the bank has not decided, or a refund is on its way."""
    if found.status == "processing":
        raise Pending(f"payment {found.id} is processing at the bank", BANK_DECIDES)
    if found.refunding:
        on_its_way = shown(found.refunding, found.currency)
        raise Pending(f"refund of {on_its_way} of payment {found.id} is pending", REFUND_ARRIVES)


def require_all(found: Payment, charge: Charge, amount: Decimal) -> None:
    """Raise WrongOutcome unless the amount is that of the charge."""
    if (amount, found.currency) != (to_major(charge.total, charge.currency), charge.currency):
        due = format_money(charge.total, charge.currency)
        stands = f"{found.status} with {shown(amount, found.currency)}"
        raise WrongOutcome(f"payment {found.id} is {stands}, and {due} is due")


def _wrong(found: Payment) -> NoReturn:
    raise WrongOutcome(f"payment {found.id} is {found.status}")

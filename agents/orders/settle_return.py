"""The money of a return: refunded in part, or the difference of an exchange charged; the second is undone.

Each goes through the provider once, under a reference of the return, by which it is found again. What the
provider refuses is asked of a person, since the goods are here and the money is owed.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from agents.orders.models import ExchangeClosed, ExchangePaid, ReturnDue, ReturnRefunded
from agents.orders.payments import (
    CLOCKS_DIFFER,
    KEY_LIFETIME,
    PAYMENTS,
    REFUND_ARRIVES,
    open_charge,
    require_all,
    require_decided,
)
from agents.orders.returns import EXCHANGE, ArrivedGoods
from agents.runtime import (
    BegunAt,
    Decision,
    EffectKey,
    Lookup,
    Parked,
    Pending,
    Reference,
    SameKey,
    UndoneKey,
    WrongOutcome,
    agent,
)
from agents.services.payments.protocol import (
    Declined,
    Payment,
    PaymentCancelled,
    Payments,
    Refund,
    RefundRefused,
    shown,
)
from agents.workflow.money import format_money, to_major, to_minor

BY_HAND = "approve once it is paid in another way"


@dataclass(frozen=True, slots=True)
class Difference:
    """What an exchange costs more, as a charge."""

    total: int
    currency: str
    payment_method: str


async def find_refunded(
    _arrived: ArrivedGoods, due: ReturnDue, reference: Reference, payments: Payments
) -> ReturnRefunded | None:
    """The refund of this return, if the provider has made one. Raises Pending, WrongOutcome."""
    if due.back <= 0 or due.by_hand:
        return None
    made = [one for one in await payments.refunds(due.payment) if one.reference == reference]
    standing = next((one for one in made if not one.has_failed), None)
    return _refunded(standing, due) if standing is not None else None


@agent(PAYMENTS, settle=Lookup(find_refunded))
async def refund_return(
    _arrived: ArrivedGoods,
    due: ReturnDue,
    key: EffectKey,
    reference: Reference,
    decision: Decision | None,
    payments: Payments,
) -> ReturnRefunded:
    """Give back what is due of the order's payment; nothing if the customer is to pay.

    Raises Pending until the money has arrived, and Parked if the provider cannot or does not pay it: a
    person who approves has paid it in another way.
    """
    if due.back <= 0:
        return ReturnRefunded(refund="", amount=0)
    amount, what = to_major(due.back, due.currency), format_money(due.back, due.currency)
    if decision is not None:
        return ReturnRefunded(refund="", amount=due.back)
    if due.by_hand:
        raise Parked(
            f"pay {what} for order {due.order} to {due.method}, not to its card: {BY_HAND}"
        )
    try:
        made = await payments.refund_part(key, due.payment, reference, amount, due.currency)
    except RefundRefused as error:
        raise Parked(f"order {due.order}: {error}; {BY_HAND}") from error
    if made.has_failed:
        raise Parked(f"order {due.order}: {made}; {BY_HAND}")
    return _refunded(made, due)


async def find_paid(
    _arrived: ArrivedGoods,
    due: ReturnDue,
    reference: Reference,
    begun: BegunAt,
    payments: Payments,
) -> ExchangePaid | None:
    """The payment of this exchange, if it is captured. Raises Pending, WrongOutcome."""
    if due.back >= 0:
        return None
    async for page in payments.listed(begun - CLOCKS_DIFFER):
        for listed in page:
            if listed.reference == f"{reference}{EXCHANGE}":
                return _paid(await payments.find(listed.payment.id), due)
    return None


async def find_closed_exchange(
    _arrived: ArrivedGoods, due: ReturnDue, paid: ExchangePaid | None, payments: Payments
) -> ExchangeClosed | None:
    """The closed payment of this exchange, if it holds no money and can take none. Raises Pending."""
    if paid is None or not paid.payment:
        return None
    found = await payments.find(paid.payment)
    require_decided(found)
    closed = found.status == "cancelled" or 0 < found.captured == found.refunded
    return _closed(found, due) if closed else None


@agent(PAYMENTS, settle=Lookup(find_closed_exchange))
async def close_exchange(  # noqa: PLR0913 - an agent names all that it needs
    _arrived: ArrivedGoods,
    due: ReturnDue,
    paid: ExchangePaid | None,
    undone: UndoneKey,
    key: EffectKey,
    reference: Reference,
    payments: Payments,
) -> ExchangeClosed:
    """Cancel the exchange's own payment, and refund what it has taken. Raises Pending, RefundFailed.

    Opening it again under the same key gives its id where that was never confirmed.
    """
    if due.back >= 0 or (paid is not None and not paid.payment):
        return ExchangeClosed(payment="", refunded=0)
    payment = paid.payment if paid is not None else ""
    if not payment:
        opened = await open_charge(payments, _charge(due), f"{undone}:open", reference + EXCHANGE)
        payment = opened.id
    closed = await payments.cancel(f"{key}:cancel", payment)
    if closed.status == "captured":
        closed = await payments.refund(f"{key}:refund", payment)
    require_decided(closed)
    return _closed(closed, due)


@agent(PAYMENTS, undo=close_exchange, settle=SameKey(KEY_LIFETIME, find_paid))
async def charge_exchange(
    _arrived: ArrivedGoods,
    due: ReturnDue,
    key: EffectKey,
    reference: Reference,
    decision: Decision | None,
    payments: Payments,
) -> ExchangePaid:
    """Charge what an exchange costs more; nothing if money goes back. Raises Pending, WrongOutcome.

    Raises Parked if the bank declines: a person who approves has taken the money in another way.
    """
    if due.back >= 0:
        return ExchangePaid(payment="", amount=0)
    if decision is not None:
        return ExchangePaid(payment="", amount=-due.back)
    charge = _charge(due)
    opened = await open_charge(payments, charge, f"{key}:open", reference + EXCHANGE)
    require_all(opened, charge, opened.amount)
    try:
        await payments.authorise(f"{key}:authorise", opened.id)
        # A repeated key gets the first answer again, so how the payment stands is looked up.
        require_decided(await payments.find(opened.id))
        await payments.capture(f"{key}:capture", opened.id)
    except (Declined, PaymentCancelled) as error:
        await payments.cancel(f"{key}:cancel", opened.id)
        what = format_money(charge.total, charge.currency)
        raise Parked(f"exchange of order {due.order}, {what}: {error}; {BY_HAND}") from error
    taken = await payments.find(opened.id)
    return _paid(taken, due) or _wrong(taken)


def _charge(due: ReturnDue) -> Difference:
    return Difference(-due.back, due.currency, due.method)


def _refunded(made: Refund, due: ReturnDue) -> ReturnRefunded:
    """The fact, if status, amount and currency are those that were asked for."""
    if (made.amount, made.currency) != (to_major(due.back, due.currency), due.currency):
        what = format_money(due.back, due.currency)
        raise WrongOutcome(f"{made}, and {what} is due for order {due.order}")
    if not made.arrived:
        raise Pending(
            f"{made}: {shown(made.amount, made.currency)} has not arrived", REFUND_ARRIVES
        )
    return ReturnRefunded(refund=made.id, amount=due.back)


def _paid(found: Payment, due: ReturnDue) -> ExchangePaid | None:
    require_decided(found)
    if found.status != "captured":
        return None
    require_all(found, _charge(due), _left(found))
    return ExchangePaid(payment=found.id, amount=-due.back)


def _closed(found: Payment, due: ReturnDue) -> ExchangeClosed:
    if found.status != "cancelled" and found.captured != found.refunded:
        _wrong(found)
    return ExchangeClosed(payment=found.id, refunded=to_minor(found.refunded, due.currency))


def _left(found: Payment) -> Decimal:
    return found.captured - found.refunded - found.refunding


def _wrong(found: Payment) -> NoReturn:
    raise WrongOutcome(f"payment {found.id} is {found.status}")

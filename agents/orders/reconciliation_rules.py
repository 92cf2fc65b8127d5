"""The rules of reconciliation: what can be wrong between an ended order and a provider. Makes no call."""

from collections.abc import Iterator
from decimal import Decimal

from agents.orders.models import (
    Booked,
    Captured,
    ExchangeClosed,
    ExchangePaid,
    PaymentClosed,
    PaymentOpened,
    Reserved,
)
from agents.runtime.recovery.reconciliation import Difference, Ended
from agents.services.carriers.protocol import Booking
from agents.services.inventory.protocol import Reservation
from agents.services.payments.protocol import NOTHING, Payment, shown
from agents.workflow.money import format_money, to_major

RESERVE, OPEN, BOOK = "reserve_stock", "open_payment", "book_shipment"
IN_EXCHANGES = {RESERVE: "hold_exchange", BOOK: "book_exchange"}
"""The agent of an order's effect -> that of the same effect for the new goods of an exchange."""
OF_EXCHANGES = {own: effect for effect, own in IN_EXCHANGES.items()}
CAN_BE_CHARGED = frozenset({"open", "processing", "authorised"})

# What is wrong, what to do about it, and the agent whose effect the journal can undo.
Wrong = tuple[str, str, str]
RIGHT: Wrong = ("", "", "")
UNDO = "undo it: --undo runs the order's own compensation"
WHOSE = "find out whose it is"
REFUND_AGAIN = "pay the customer in another way, or --undo refunds once more"
DISPUTES: dict[str, Wrong] = {
    "open": (
        "shipped, and the customer disputes the payment",
        "answer the dispute at the provider in time",
        "",
    ),
    "lost": ("shipped, and the dispute is lost", "settle it with the customer", ""),
}

# (how the order ended, the reservation's status)
RESERVATIONS: dict[tuple[str, str], Wrong] = {
    ("unknown", "held"): ("stock held for no known order", WHOSE, ""),
    ("unknown", "issued"): ("goods left for no known order", WHOSE, ""),
    ("undone", "held"): ("stock held for an ended order", UNDO, RESERVE),
    ("undone", "issued"): ("goods left for an order that is not shipped", "get them back", ""),
    ("shipped", "held"): ("shipped, and its goods are still held", "issue them by hand", ""),
    ("shipped", "released"): ("shipped, and its goods are for sale", "correct the stock", ""),
}

# (how the order ended, the booking's status, whether it is the one the journal knows)
BOOKINGS: dict[tuple[str, str, bool], Wrong] = {
    ("unknown", "booked", False): ("a booking of no known order", WHOSE, ""),
    ("undone", "booked", False): ("a booking of an order that is not shipped", UNDO, BOOK),
    ("undone", "booked", True): ("a booking of an order that is not shipped", UNDO, BOOK),
    ("shipped", "booked", False): ("a second booking of a shipped order", "cancel one of them", ""),
    ("shipped", "cancelled", True): (
        "shipped, and its booking is cancelled",
        "ask the carrier",
        "",
    ),
}


def payment_of(known: Ended) -> str | None:
    """The provider's id of the order's payment, if the journal has it."""
    stated = known.item.fact(PaymentOpened) or known.item.fact(PaymentClosed)
    return stated.payment if stated else None


def of_payment(
    known: Ended | None, reference: str, payment: Payment, returned: Decimal = NOTHING
) -> Difference | None:
    """What is wrong with a payment; None if all is well.

    `returned` is what the journal says was refunded for goods that came back.
    """
    if known is None:
        wrong = ("a payment of no known order", WHOSE, "") if _counts(payment) else RIGHT
    elif known.undone:
        wrong = _undone(known, payment)
    else:
        wrong = _shipped(known, payment, returned)
    return _named(wrong, known, reference, _described(payment))


def of_exchange(known: Ended | None, reference: str, payment: Payment) -> Difference | None:
    """What is wrong with the payment of an exchange's difference; None if all is well."""
    paid = known.item.fact(ExchangePaid) if known else None
    closed = known.item.fact(ExchangeClosed) if known else None
    wrong = RIGHT
    if paid is None or paid.payment != payment.id or closed is not None:
        if _counts(payment):
            wrong = ("a payment of no settled exchange", "close it at the provider", "")
    elif payment.captured - payment.refunded != to_major(paid.amount, payment.currency):
        wrong = ("exchanged and not paid", "settle it with the customer", "")
    return _named(wrong, known, reference, _described(payment))


def of_reservation(known: Ended | None, reservation: Reservation) -> Difference | None:
    """What is wrong with a reservation; None if all is well."""
    wrong = RESERVATIONS.get((_end(known), reservation.status), RIGHT)
    return _named(wrong, known, reservation.key, f"{reservation.key}: {reservation.status}")


def of_booking(known: Ended | None, key: str, booking: Booking) -> Difference | None:
    """What is wrong with a carrier's booking; None if all is well."""
    booked = known.item.fact(Booked) if known else None
    at = (booking.carrier, booking.tracking_id)
    is_ours = booked is not None and at == (booked.carrier, booked.tracking_id)
    wrong = BOOKINGS.get((_end(known), booking.status, is_ours), RIGHT)
    return _named(wrong, known, key, f"{booking.carrier} {booking.tracking_id}: {booking.status}")


def unknown_outside(known: Ended, missing: set[str]) -> Iterator[Difference]:
    """What the journal says of an ended order although the listings of these effects do not have it."""
    said: dict[str, str] = {}
    closed, captured = known.item.fact(PaymentClosed), known.item.fact(Captured)
    if known.undone:
        if closed and closed.refunded:
            said[OPEN] = f"{closed.payment} is refunded"
    else:
        held = known.item.fact(Reserved)
        if held is None or held.reservation:  # a return has no new goods
            said[RESERVE] = "its goods have left"
        if captured:
            amount = format_money(captured.amount, known.item.payload.currency)
            said[OPEN] = f"{captured.payment} is captured, {amount}"
        booked = known.item.fact(Booked)
        if booked and booked.tracking_id:
            said[BOOK] = f"booked at {booked.carrier} as {booked.tracking_id}"
    for effect in sorted(said.keys() & missing):
        wrong = ("the provider knows nothing of it", "ask the provider, check URL and account", "")
        if (found := _named(wrong, known, "", f"the journal says: {said[effect]}")) is not None:
            yield found


def _undone(known: Ended, payment: Payment) -> Wrong:
    is_ours, closed = payment.id == payment_of(known), known.item.fact(PaymentClosed)
    to_do, effect = (UNDO, OPEN) if is_ours else ("close it at the provider", "")
    returned = to_major(closed.refunded, known.item.payload.currency) if closed else NOTHING
    if payment.captured > payment.refunded:
        if is_ours and returned > payment.refunded:
            return "a refund has failed since", REFUND_AGAIN, OPEN
        less = "refunded less than captured"
        return (less if payment.refunded else "captured for an ended order"), to_do, effect
    if payment.status in CAN_BE_CHARGED:
        return "an ended order can still be charged", to_do, effect
    if is_ours and closed and returned != payment.refunded:
        return "amounts differ", "see what was refunded, and tell the customer", ""
    return RIGHT


def _shipped(known: Ended, payment: Payment, returned: Decimal) -> Wrong:
    order, captured = known.item.payload, known.item.fact(Captured)
    if payment.id != payment_of(known):
        second = ("a second payment of a shipped order", "close it at the provider", "")
        return second if _counts(payment) else RIGHT
    if payment.status != "captured":
        return "shipped and not paid", "ask the customer to pay", ""
    if payment.refunded < returned:
        return "a refund of returned goods has failed since", "pay the customer in another way", ""
    if payment.refunded > returned:
        more = "shipped and refunded" if not returned else "refunded more than the returned goods"
        return more, "ask who has refunded it, and why", ""
    stated = {order.total, captured.amount if captured else 0}
    amounts = {payment.captured, *(to_major(amount, order.currency) for amount in stated)}
    if len(amounts) > 1 or payment.currency != order.currency:
        return "amounts differ", "settle it with the customer", ""
    return DISPUTES.get(payment.dispute, RIGHT)


def _counts(payment: Payment) -> bool:
    """Whether the payment holds money or can still take some."""
    return payment.captured > payment.refunded or payment.status in CAN_BE_CHARGED


def _end(known: Ended | None) -> str:
    if known is None:
        return "unknown"
    return "undone" if known.undone else "shipped"


def _described(payment: Payment) -> str:
    amount = shown(payment.captured or payment.amount, payment.currency)
    refunded = f", refunded {shown(payment.refunded, payment.currency)}"
    failed = f", {payment.refund_failure}" if payment.refund_failure else ""
    return f"{payment.id}: {payment.status} {amount}{refunded if payment.refunded else ''}{failed}"


def _named(wrong: Wrong, known: Ended | None, name: str, found: str) -> Difference | None:
    """The difference, named by its order, or by the object if there is no order."""
    what, to_do, effect = wrong
    if not what:
        return None
    if known is None:
        return Difference(what, name, found, to_do)
    found += f"; the order is {known.item.state}"
    own = IN_EXCHANGES.get(effect, effect)
    effect = own if (own, 0) in known.item.effects else effect
    return Difference(what, known.item.key, found, to_do, known if effect else None, effect)

"""Every kind of difference between an order and what the providers hold, and where there is none."""

from dataclasses import replace
from decimal import Decimal

import pytest

from agents.orders.models import (
    Booked,
    Captured,
    ExchangeClosed,
    ExchangePaid,
    Order,
    PaymentClosed,
    PaymentOpened,
)
from agents.orders.reconciliation_rules import (
    of_booking,
    of_exchange,
    of_payment,
    of_reservation,
    payment_of,
    unknown_outside,
)
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import State
from agents.runtime.recovery.reconciliation import Difference, Ended
from agents.services.carriers.protocol import Booking
from agents.services.inventory.protocol import Reservation
from agents.services.payments.protocol import NOTHING, Payment
from agents.workflow.fields import Strict

TOTAL = 2_030
OPENED, CAPTURED = PaymentOpened(payment="pi_1"), Captured(payment="pi_1", amount=TOTAL)
BOOKED = Booked(carrier="swift", tracking_id="SW1")
PRICE, CENT = Decimal("20.30"), Decimal("0.01")
PAID = Payment("pi_1", "captured", PRICE, "USD", captured=PRICE)
REFUNDED, CANCELLED = (
    replace(PAID, refunded=PRICE),
    replace(PAID, status="cancelled", captured=NOTHING),
)
HELD, OPEN = replace(CANCELLED, status="authorised"), replace(CANCELLED, status="open")
ALL = {"open_payment", "reserve_stock", "book_shipment"}
UNDONE = (State.COMPENSATED, State.FAILED, State.CANCELLED)


@pytest.fixture
def order(order: Order) -> Order:
    return order.model_copy(update={"total": TOTAL, "currency": "USD"})


def ended(order: Order, state: State, *facts: Strict) -> Ended:
    item = Item(7, "default", "orders", order.order_id, 1, state, "0" * 32, order)
    for fact in facts:
        item.learn(fact)
    return Ended(item, 9, settled=True)


def shipped(order: Order) -> Ended:
    return ended(order, State.COMPLETED, OPENED, CAPTURED, BOOKED)


def undone(order: Order, state: State = State.COMPENSATED, refunded: int = 0) -> Ended:
    return ended(order, state, OPENED, PaymentClosed(payment="pi_1", refunded=refunded))


def named(found: Difference | None) -> tuple[str, str] | None:
    """What it is, and what can be undone."""
    return None if found is None else (found.what, found.effect)


@pytest.mark.parametrize(
    "payment, what",
    [
        (PAID, None),
        (REFUNDED, "shipped and refunded"),
        (replace(PAID, refunded=CENT), "shipped and refunded"),
        (HELD, "shipped and not paid"),
        (OPEN, "shipped and not paid"),
        (CANCELLED, "shipped and not paid"),
        (replace(PAID, captured=PRICE - CENT), "amounts differ"),
        (replace(PAID, currency="EUR"), "amounts differ"),
        (replace(PAID, id="pi_2"), "a second payment of a shipped order"),
        (replace(HELD, id="pi_2"), "a second payment of a shipped order"),
        (replace(REFUNDED, id="pi_2"), None),
        (replace(CANCELLED, id="pi_2"), None),
    ],
)
def test_a_payment_of_a_shipped_order(order: Order, payment: Payment, what: str | None) -> None:
    assert named(of_payment(shipped(order), order.order_id, payment)) == (what and (what, ""))


@pytest.mark.parametrize(
    "refunded, returned, what",
    [
        (CENT, CENT, None),
        (PRICE, PRICE, None),
        (2 * CENT, CENT, "refunded more than the returned goods"),
        (NOTHING, CENT, "a refund of returned goods has failed since"),
        (CENT, NOTHING, "shipped and refunded"),
    ],
)
def test_goods_that_came_back_explain_a_refund(
    order: Order, refunded: Decimal, returned: Decimal, what: str | None
) -> None:
    payment = replace(PAID, refunded=refunded)
    found = of_payment(shipped(order), order.order_id, payment, returned)
    assert named(found) == (what and (what, ""))


@pytest.mark.parametrize(
    "facts, payment, what",
    [
        ((ExchangePaid(payment="pi_1", amount=TOTAL),), PAID, None),
        ((ExchangePaid(payment="pi_1", amount=TOTAL),), REFUNDED, "exchanged and not paid"),
        ((ExchangePaid(payment="pi_1", amount=1),), PAID, "exchanged and not paid"),
        ((ExchangePaid(payment="", amount=TOTAL),), PAID, "a payment of no settled exchange"),
        ((), CANCELLED, None),
        ((), HELD, "a payment of no settled exchange"),
        (
            (ExchangePaid(payment="pi_1", amount=9), ExchangeClosed(payment="pi_1", refunded=9)),
            PAID,
            "a payment of no settled exchange",
        ),
    ],
)
def test_a_payment_of_an_exchange(
    order: Order, facts: tuple[Strict, ...], payment: Payment, what: str | None
) -> None:
    found = of_exchange(ended(order, State.COMPLETED, *facts), "W1:exchange", payment)
    assert named(found) == (what and (what, ""))


@pytest.mark.parametrize("state", UNDONE)
@pytest.mark.parametrize(
    "payment, what",
    [
        (CANCELLED, None),
        (PAID, "captured for an ended order"),
        (replace(PAID, refunded=CENT), "refunded less than captured"),
        (HELD, "an ended order can still be charged"),
        (OPEN, "an ended order can still be charged"),
    ],
)
def test_a_payment_of_an_order_that_ended_undone_can_be_undone(
    order: Order, state: State, payment: Payment, what: str | None
) -> None:
    known = undone(order, state)
    found = of_payment(known, order.order_id, payment)
    assert named(found) == (what and (what, "open_payment"))
    if found is not None:
        assert found.of is known
        assert (found.item, "--undo" in found.advice) == (order.order_id, True)
        assert f"the order is {state}" in found.found
    # Of another payment the order's own compensation knows nothing.
    foreign = of_payment(known, order.order_id, replace(payment, id="pi_2"))
    assert named(foreign) == (what and (what, ""))
    assert foreign is None or (foreign.of, foreign.advice) == (None, "close it at the provider")


def test_a_refund_is_as_large_as_the_journal_says(order: Order) -> None:
    assert of_payment(undone(order, refunded=TOTAL), "", REFUNDED) is None
    assert named(of_payment(undone(order), "", REFUNDED)) == ("amounts differ", "")
    assert named(of_payment(undone(order, refunded=TOTAL), "", CANCELLED)) == ("amounts differ", "")


@pytest.mark.parametrize(
    "payment, counts",
    [(PAID, True), (HELD, True), (OPEN, True), (REFUNDED, False), (CANCELLED, False)],
)
def test_a_payment_of_no_known_order(payment: Payment, counts: bool) -> None:
    found = of_payment(None, "nobody's", payment)
    assert named(found) == (("a payment of no known order", "") if counts else None)
    assert found is None or (found.item, found.of) == ("nobody's", None)


def test_amounts_are_shown(order: Order) -> None:
    found = of_payment(undone(order), order.order_id, replace(PAID, refunded=30 * CENT))
    assert found is not None
    shown = "pi_1: captured USD 20.30, refunded USD 0.30; the order is compensated"
    assert found.found == shown


@pytest.mark.parametrize(
    "end, status, what",
    [
        ("unknown", "held", ("stock held for no known order", "")),
        ("unknown", "issued", ("goods left for no known order", "")),
        ("unknown", "released", None),
        ("undone", "held", ("stock held for an ended order", "reserve_stock")),
        ("undone", "issued", ("goods left for an order that is not shipped", "")),
        ("undone", "released", None),
        ("shipped", "held", ("shipped, and its goods are still held", "")),
        ("shipped", "issued", None),
        ("shipped", "released", ("shipped, and its goods are for sale", "")),
    ],
)
def test_a_reservation(order: Order, end: str, status: str, what: tuple[str, str] | None) -> None:
    known = {"unknown": None, "undone": undone(order), "shipped": shipped(order)}[end]
    found = of_reservation(known, Reservation("k", status, 1))
    assert named(found) == what
    assert found is None or found.item == ("k" if known is None else order.order_id)


@pytest.mark.parametrize(
    "end, booking, what",
    [
        ("unknown", ("swift", "SW1", "booked"), ("a booking of no known order", "")),
        ("unknown", ("swift", "SW1", "cancelled"), None),
        (
            "undone",
            ("swift", "SW1", "booked"),
            ("a booking of an order that is not shipped", "book_shipment"),
        ),
        ("undone", ("swift", "SW1", "cancelled"), None),
        ("shipped", ("swift", "SW1", "booked"), None),
        ("shipped", ("swift", "SW1", "cancelled"), ("shipped, and its booking is cancelled", "")),
        ("shipped", ("bulky", "BK1", "booked"), ("a second booking of a shipped order", "")),
        ("shipped", ("swift", "SW2", "booked"), ("a second booking of a shipped order", "")),
        ("shipped", ("bulky", "BK1", "cancelled"), None),
    ],
)
def test_a_booking(
    order: Order, end: str, booking: tuple[str, str, str], what: tuple[str, str] | None
) -> None:
    known = {"unknown": None, "undone": undone(order), "shipped": shipped(order)}[end]
    assert named(of_booking(known, "k", Booking(*booking))) == what


def test_a_booking_that_was_cancelled_with_its_order_and_is_there_again(order: Order) -> None:
    known = ended(order, State.CANCELLED, OPENED, CAPTURED, BOOKED)
    found = of_booking(known, "k", Booking("swift", "SW1", "booked"))
    assert named(found) == ("a booking of an order that is not shipped", "book_shipment")


def test_what_the_journal_states_and_the_provider_does_not_know(order: Order) -> None:
    def missing_outside(known: Ended, missing: set[str] = ALL) -> list[str]:
        found = list(unknown_outside(known, missing))
        assert all(one.what == "the provider knows nothing of it" and not one.of for one in found)
        return [one.found.removeprefix("the journal says: ").partition(";")[0] for one in found]

    assert missing_outside(shipped(order)) == [
        "booked at swift as SW1",
        "pi_1 is captured, USD 20.30",
        "its goods have left",
    ]
    assert missing_outside(shipped(order), {"book_shipment"}) == ["booked at swift as SW1"]
    assert missing_outside(shipped(order), set()) == []
    assert missing_outside(undone(order)) == []
    assert missing_outside(undone(order, refunded=TOTAL)) == ["pi_1 is refunded"]


def test_the_payment_is_known_from_its_opening_or_its_closing(order: Order) -> None:
    assert payment_of(shipped(order)) == "pi_1"
    closed = PaymentClosed(payment="pi_9", refunded=0)
    assert payment_of(ended(order, State.COMPENSATED, closed)) == "pi_9"
    assert payment_of(ended(order, State.FAILED)) is None

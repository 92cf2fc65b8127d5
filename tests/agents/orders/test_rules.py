"""The business rules of orders: risk, outcome, money and what the customer reads."""

import pytest

from agents.orders.models import (
    Address,
    Assessed,
    Booked,
    Captured,
    Customer,
    Line,
    Order,
    PaymentClosed,
    ShipmentCancelled,
)
from agents.orders.rules import (
    RISK_RULES,
    Outcome,
    assess,
    customer_message,
    needs_approval,
    outcome_of,
)
from agents.workflow.fields import Strict


def order(**changes: object) -> Order:
    """An order of 20.00 USD, with changes."""
    plain = Order(
        order_id="W1",
        customer=Customer(id="c1", name="Ann Lee", email="ann@example.com"),
        address=Address(line1="1 Elm Street", city="Reno", postal_code="89501", country="US"),
        currency="USD",
        lines=(Line(sku="A-1", name="Lamp", quantity=2, unit_price=1_000),),
        total=2_000,
        payment_method="pm_card_visa",
    )
    return plain.model_copy(update=changes)


def test_an_ordinary_order_has_no_risk() -> None:
    assert assess(order()) == Assessed(risk=0, reasons=())


@pytest.mark.parametrize(
    "changes,reasons",
    [
        ({"total": 299_999}, ()),
        ({"total": 300_000}, ("high-value",)),
        ({"total": 650_000}, ("high-value", "very-high-value")),
        ({"total": 2_999, "currency": "JPY"}, ()),
        ({"total": 3_000, "currency": "JPY"}, ("high-value",)),
        ({"total": 2_999_999, "currency": "KWD"}, ()),
        ({"total": 3_000_000, "currency": "KWD"}, ("high-value",)),
        (
            {"total": 500_000, "payment_method": "pm_gift_card"},
            ("high-value", "gift-card-high-value"),
        ),
        (
            {"lines": (Line(sku="A", name="Lamp", quantity=20, unit_price=1),)},
            ("many-pieces-of-one",),
        ),
        (
            {
                "lines": tuple(
                    Line(sku=f"A{n}", name="L", quantity=1, unit_price=1) for n in range(25)
                )
            },
            ("many-lines",),
        ),
        (
            {
                "total": 300_000,
                "customer": Customer(id="c1", name="Ann Lee", email="ann@GMAIL.com"),
            },
            ("high-value", "free-mail-high-value"),
        ),
        ({"customer": Customer(id="c1", name="Ann Lee", email="ann@gmail.com")}, ()),
    ],
)
def test_each_sign_of_risk_is_named(changes: dict[str, object], reasons: tuple[str, ...]) -> None:
    assert assess(order(**changes)).reasons == reasons


@pytest.mark.parametrize(
    "line1,line2,is_box",
    [
        ("PO Box 12", "", True),
        ("1 Elm Street", "p.o. box 7", True),
        ("Postfach 1020", "", True),
        ("12 Poboxford Lane", "", False),
        ("1 Box Hill", "", False),
    ],
)
def test_a_post_office_box_is_recognised(line1: str, line2: str, is_box: bool) -> None:
    place = order().address.model_copy(update={"line1": line1, "line2": line2})
    assert ("po-box" in assess(order(address=place)).reasons) is is_box


def test_risk_never_exceeds_a_hundred() -> None:
    worst = order(
        total=10**9,
        payment_method="pm_gift_card",
        lines=(Line(sku="A", name="Lamp", quantity=50, unit_price=1),),
    )
    assert sum(rule.points for rule in RISK_RULES if rule.applies(worst)) > 100
    assert assess(worst).risk == 100


def test_from_the_threshold_on_a_person_decides() -> None:
    assert not needs_approval(Assessed(risk=69, reasons=()))
    assert needs_approval(Assessed(risk=70, reasons=()))


BOOKED = Booked(carrier="swift", tracking_id="T1")


@pytest.mark.parametrize(
    "facts,outcome",
    [
        ((), Outcome.REJECTED),
        ((Captured(payment="p", amount=1),), Outcome.REJECTED),
        ((BOOKED,), Outcome.SHIPPED),
        ((PaymentClosed(payment="p", refunded=0),), Outcome.REJECTED),
        ((PaymentClosed(payment="p", refunded=1),), Outcome.REFUNDED),
        ((BOOKED, PaymentClosed(payment="p", refunded=1)), Outcome.REFUNDED),
        ((BOOKED, ShipmentCancelled(carriers=("swift",))), Outcome.REJECTED),
    ],
)
def test_the_outcome_follows_from_the_facts_in_any_order(
    facts: tuple[Strict, ...], outcome: Outcome
) -> None:
    assert outcome_of(facts) is outcome
    assert outcome_of(reversed(facts)) is outcome


def test_a_shipped_order_is_announced_with_carrier_and_tracking_number() -> None:
    message = customer_message(order(), Outcome.SHIPPED, booked=BOOKED, reason="not for them")
    assert (message.channel, message.to) == ("email", "ann@example.com")
    assert message.subject == "Your order W1 is on its way"
    assert message.text == (
        "Dear Ann Lee,\n\nYour order is on its way with swift, tracking number T1.\n\n"
        "- 2 x Lamp\nTotal: USD 20.00\n"
    )


def test_a_shipped_order_without_its_booking_is_still_announced() -> None:
    assert "is on its way." in customer_message(order(), Outcome.SHIPPED).text


@pytest.mark.parametrize("refunded,text", [(None, "USD 20.00"), (500, "USD 5.00"), (0, "USD 0.00")])
def test_a_refund_tells_the_amount(refunded: int | None, text: str) -> None:
    message = customer_message(
        order(), Outcome.REFUNDED, refunded=refunded, reason="no carrier takes it"
    )
    assert f"We returned {text} to your account." in message.text
    assert "Reason: no carrier takes it.\n" in message.text


def test_a_rejection_tells_a_short_reason() -> None:
    message = customer_message(order(), Outcome.REJECTED, reason="Lamp is out of stock.")
    assert message.subject == "Your order W1 could not be accepted"
    assert "have taken no money.\n\nReason: Lamp is out of stock.\n" in message.text
    assert len(customer_message(order(), Outcome.REJECTED, reason="x" * 10_000).text) < 500


def test_nothing_from_outside_can_start_a_header_or_a_line() -> None:
    evil = Booked(carrier="swift\r\nBcc: a@b\u2028c", tracking_id="T\x001\u202e")
    unchecked = order(order_id="W1\nBcc: a@b")
    message = customer_message(unchecked, Outcome.SHIPPED, booked=evil)
    assert message.subject == "Your order W1 Bcc: a@b is on its way"
    assert "with swift Bcc: a@b c, tracking number T 1." in message.text

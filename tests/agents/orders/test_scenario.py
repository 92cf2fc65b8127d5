"""What the end of an order means: its outcome, the customer's message and the money it moved."""

import orjson
import pytest

from agents.orders.models import (
    Booked,
    Captured,
    Order,
    PaymentClosed,
    ShipmentCancelled,
)
from agents.orders.scenario import ORDERS
from agents.runtime.model.item import Failure, Item
from agents.runtime.model.lifecycle import State
from agents.workflow.fields import Strict

PAID = Captured(payment="p", amount=2_030)
BOOKED = Booked(carrier="swift", tracking_id="SW1")
REFUNDED = PaymentClosed(payment="p", refunded=2_030)
CLOSED = PaymentClosed(payment="p", refunded=0)


def ended(order: Order, *facts: Strict, failure: Failure | None = None) -> Item:
    item = Item(1, "default", "orders", order.order_id, 1, State.COMPLETED, "0" * 32, order)
    for fact in facts:
        item.learn(fact)
    item.failure = failure
    item.outcome = ORDERS.outcome(item)
    return item


@pytest.mark.parametrize(
    "facts,outcome,captured,refunded",
    [
        ((PAID, BOOKED), "shipped", 2_030, 0),
        ((PAID, REFUNDED), "refunded", 2_030, 2_030),
        ((PAID, BOOKED, REFUNDED, ShipmentCancelled(carriers=())), "refunded", 2_030, 2_030),
        ((REFUNDED,), "refunded", 2_030, 2_030),
        ((CLOSED,), "rejected", 0, 0),
        ((), "rejected", 0, 0),
    ],
)
def test_outcome_and_money_follow_from_what_the_agents_stated(
    order: Order, facts: tuple[Strict, ...], outcome: str, captured: int, refunded: int
) -> None:
    item = ended(order, *facts)

    assert item.outcome == outcome
    assert ORDERS.metrics(item) == {"captured USD": captured, "refunded USD": refunded}


def test_the_customer_gets_one_message_about_what_happened(order: Order) -> None:
    [notice] = ORDERS.notices(ended(order, PAID, BOOKED))

    message = orjson.loads(notice.body)
    assert (notice.topic, notice.channel) == ("order.shipped", "email")
    assert message["to"] == order.customer.email
    assert "SW1" in message["text"]


def test_a_message_names_the_kind_of_a_failure_and_never_its_inner_words(order: Order) -> None:
    failure = Failure("authorise_payment", "Declined", "declined: insufficient_funds at 10.0.0.7")

    [notice] = ORDERS.notices(ended(order, CLOSED, failure=failure))

    assert "Reason: declined." in orjson.loads(notice.body)["text"]
    assert "10.0.0.7" not in notice.body

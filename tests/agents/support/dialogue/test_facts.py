"""What is asked of an order is told first and alone: a price, how it was paid, the parcel, a day, a refund."""

from dataclasses import replace
from typing import Any

import pytest

from agents.shop.accounts import AfterSales, Movement, Shipment
from agents.support.dialogue.facts import facts
from agents.support.dialogue.meanings import in_context
from agents.support.dialogue.render import render
from agents.support.models import Dialogue, Intent, IntentName, Understood
from tests.agents.support.dialogue.shop import SHOP, order

SENT: dict[str, Any] = {
    "shipment": Shipment(carrier="swift", tracking="SW7"),
    "days": 9,
    "arrives_by": "2026-12-06",
    "returnable_until": "2027-01-05",
}
BACK = AfterSales(pieces=("20000001",), method="card")
SWAP = AfterSales(pieces=("10000001",), new=("10000002",), method="card", difference=200)
PAID = Movement(kind="payment", amount=4_000, method="card")
REFUND = Movement(kind="refund", amount=4_000, method="card")


@pytest.mark.parametrize(
    "topic,text,status,changed,says",
    [
        ("order_contents/price", "what was the lamp", "delivered", {}, "That was Desk Lamp USD 30.00."),
        (
            "order_contents/price",
            "the lamp and the t-shirt",
            "delivered",
            {},
            "T-Shirt USD 10.00, Desk Lamp USD 30.00: USD 40.00 together, for 2 of them.",
        ),
        ("order_contents/price", "how much was it", "pending", {}, "Order B200 comes to USD 40.00 in all."),
        ("order_contents/payment", "", "pending", {}, "Order B200 is paid by credit card (Visa)."),
        ("order_contents/address", "", "pending", {}, "Order B200 goes to 1 Elm St, Denver, CO, 80279, US."),
        ("order_status/tracking", "", "delivered", SENT, "Swift brings it, tracking number SW7."),
        ("order_status/tracking", "", "pending", {}, "not shipped yet. There is a tracking number once"),
        ("order_status/arrival", "", "delivered", SENT, "It should have arrived by 6 December 2026."),
        ("order_status/arrival", "", "delivered", SENT | {"days": 2}, "It should arrive by 6 December 2026."),
        ("order_status/return_by", "", "delivered", SENT, "You can return it until 5 January 2027."),
        ("order_status/return_by", "", "delivered", SENT | {"days": 80}, "until 5 January 2027, so it is too late"),
        ("order_status/return_by", "", "pending", {}, "Once it has arrived, you have 30 days to return it."),
        (
            "refund_status/amount",
            "",
            "return requested",
            {"after_sales": BACK},
            "USD 30.00 goes back to credit card (Visa) once Desk Lamp has arrived at our warehouse",
        ),
        ("refund_status/when", "", "return requested", {"after_sales": BACK}, "USD 30.00 goes back to credit card"),
        ("refund_status/method", "", "cancelled", {"movements": (PAID, REFUND)}, "USD 40.00 goes back to credit card"),
        ("refund_status/difference", "", "exchange requested", {"after_sales": SWAP}, "cost USD 2.00 more"),
    ],
)  # fmt: skip
def test_one_fact(topic: str, text: str, status: Any, changed: dict[str, Any], says: str) -> None:
    one = order("B200", status).model_copy(update=changed)
    assert says in " ".join(render(part, "en") for part in facts((topic,), one, text, SHOP))


def test_what_an_order_does_not_have_is_no_fact() -> None:
    topics = ("refund_status/amount", "refund_status/difference")
    assert facts(topics, order("A100", "pending"), "", SHOP) == ()


def test_who_asks_for_money_before_a_return_learns_where_it_will_go() -> None:
    (part,) = facts(("refund_status/method",), order("B200", "delivered"), "", SHOP)
    assert "paid back to credit card (Visa), once it has arrived" in render(part, "en")


@pytest.mark.parametrize(
    "text,name,topics,orders",
    [
        ("and the lamp?", "order_contents", ("order_contents/payment",), ("B200",)),
        ("cancel the lamp", "cancel_order", (), ()),
        ("is the lamp in my order a good one", "product", (), ()),
    ],
)
def test_a_question_without_a_verb_asks_the_same_of_other_goods(
    text: str, name: IntentName, topics: tuple[str, ...], orders: tuple[str, ...]
) -> None:
    before = Dialogue(order="B200", topics=("order_contents/payment",))
    best: IntentName = "cancel_order" if name == "cancel_order" else "product"
    understood = Understood(language="en", intents=(Intent(name=best, confidence=0.9),))
    found = in_context(understood, text, before, SHOP)
    assert (found.best.name, found.topics, found.slots.orders) == (name, topics, orders)


def test_a_price_of_own_goods_is_that_of_the_order() -> None:
    understood = Understood(language="en", intents=(Intent(name="product", confidence=0.9),))
    before = Dialogue(order="B200")
    own = in_context(understood, "how much was the lamp that I bought", before, SHOP)
    assert own.topics == ("order_contents/price",)
    assert in_context(understood, "how much is a lamp", before, SHOP).best.name == "product"


def test_facts_are_said_in_the_customers_language() -> None:
    chinese = replace(SHOP, language="zh")
    (part,) = facts(("order_contents/price",), order("B200", "delivered"), "the lamp", chinese)
    assert render(part, "zh") == "当时的价格是 Desk Lamp USD 30.00。"

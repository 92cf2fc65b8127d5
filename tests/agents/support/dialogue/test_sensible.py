"""A question that the state of its order makes senseless is read another way."""

import pytest

from agents.support.dialogue.products import of_order
from agents.support.dialogue.render import render
from agents.support.dialogue.sensible import rule_beside, sensible
from agents.support.knowledge.documents import AskedPassage
from agents.support.models import Dialogue, IntentName
from tests.agents.support.dialogue.shop import SHOP, answer, decided, heard, order

SHOP_ = SHOP.__class__(
    SHOP.customer, {**SHOP.orders, "D400": order("D400", "cancelled")}, SHOP.goods, SHOP.latest
)
RULE = AskedPassage(
    text="Money is taken when goods leave.",
    document="payments",
    language="en",
    section="s",
    asked=("q",),
    score=0.95,
)


@pytest.mark.parametrize(
    "text,intent,topics,about,meant",
    [
        ("how many days until it comes", "order_status", "order_status/arrival", "D400", "refund_status"),
        ("how many days until it comes", "order_status", "order_status/arrival", "B200", "order_status"),
        ("how much was the lamp", "refund_status", "refund_status/difference", "A100", "order_contents"),
        ("how much do I get back", "refund_status", "refund_status/amount", "A100", "refund_status"),
        ("when do you take the money", "refund_status", "refund_status/when", "A100", "knowledge"),
        ("when do you take the money", "refund_status", "refund_status/when", "D400", "refund_status"),
    ],
)  # fmt: skip
def test_the_state_of_the_order_tells_what_is_asked(
    text: str, intent: IntentName, topics: str, about: str, meant: IntentName
) -> None:
    understood = heard(text, intent).understood.model_copy(update={"topics": (topics,)})
    found = sensible(understood, text, Dialogue(order=about), SHOP_, (RULE,))
    assert found.best.name == meant


def test_a_rule_is_said_beside_a_fact_only_where_something_can_be() -> None:
    asked = heard("can it come on a sunday", "order_status").understood
    assert rule_beside("order_status", asked, "can it come on a sunday", (RULE,))
    assert not rule_beside("order_status", asked, "when does it come", (RULE,))
    assert not rule_beside("cancel_order", asked, "can it come on a sunday", (RULE,))


def test_how_it_was_paid_and_how_much_are_two_facts() -> None:
    context = heard("how did I pay for A100 and how much", "order_contents")
    understood = context.understood.model_copy(update={"topics": ("order_contents/payment",)})
    text = answer(decided(context.__class__(context.turn, understood, context.before, SHOP)))
    assert "paid by credit card" in text
    assert "USD 40.00 in all" in text


def test_goods_are_told_by_their_options_where_the_talk_was_of_them() -> None:
    (part,) = of_order("and how much is it in blue and L", ["10000001"], SHOP)
    assert "USD 11.00" in render(part, "en")
    assert of_order("how much is shipping", ["10000001"], SHOP) == ()

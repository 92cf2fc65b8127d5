"""How probable each intent is once the account is known."""

from collections.abc import Mapping

import pytest

from agents.support.decide_turn import Scene, decided_from
from agents.support.dialogue.weighing import weighed
from agents.support.models import Dialogue, Intent, IntentName, Turn, Understood, Wish
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import SHOP

Chances = Mapping[IntentName, float]


def taken_for(text: str, chances: Chances, before: Dialogue | None = None) -> Understood:
    """What a text that the classifier takes for these intents is taken for by somebody who knows the account."""
    likely = tuple(Intent(name=name, confidence=p) for name, p in chances.items())
    understood = Understood(language="en", intents=likely[:1], slots=slots(text), likely=likely)
    return weighed(understood, text, before or Dialogue(), SHOP)


@pytest.mark.parametrize(
    "text,chances,expected",
    [
        # B200 is delivered: its goods can go back, and be exchanged only for something.
        ("the lamp of B200 goes straight back", {"modify_items": 0.5, "return_items": 0.2}, "return_items"),
        ("B200的台灯我要退回去", {"exchange_items": 0.5, "return_items": 0.2}, "return_items"),
        ("my B200 is no use to me", {"cancel_order": 0.5, "return_items": 0.3}, "return_items"),
        # A100 is pending.
        ("take the lamp of A100 out", {"return_items": 0.5, "cancel_order": 0.3}, "cancel_order"),
        # Another variant is named, or none.
        ("A100: T-shirt in blue", {"product": 0.5, "modify_items": 0.3}, "modify_items"),
        ("about the T-shirt of B200", {"exchange_items": 0.4, "complaint": 0.3}, "complaint"),
        # An address, a way to pay.
        ("please deliver A100 to where I work", {"order_status": 0.7, "modify_order_address": 0.1},
         "modify_order_address"),
        ("A100请送到我单位", {"order_status": 0.7, "modify_order_address": 0.1}, "modify_order_address"),
        ("is A100 on its way", {"modify_order_address": 0.4, "order_status": 0.3}, "order_status"),
        ("A100 is too dear", {"modify_payment": 0.5, "cancel_order": 0.3}, "cancel_order"),
        # Goods of one's own are no small talk.
        ("that desk lamp", {"out_of_scope": 0.5, "order_status": 0.3}, "order_status"),
    ],
)  # fmt: skip
def test_the_account_and_what_is_named_decide_between_intents(
    text: str, chances: Chances, expected: IntentName
) -> None:
    assert taken_for(text, chances).best.name == expected


@pytest.mark.parametrize(
    "text,chances",
    [
        ("cancel B200", {"cancel_order": 0.97, "return_items": 0.02}),  # refused, and said why
        ("until when could I send the lamp of B200 back?", {"order_status": 0.6, "return_items": 0.2}),
        ("如果要退B200，运费谁出", {"knowledge": 0.7, "return_items": 0.2}),
        ("do not send the lamp of B200 back, where is it?", {"order_status": 0.6, "return_items": 0.2}),
    ],
)  # fmt: skip
def test_a_clear_wish_and_a_question_stay(text: str, chances: Chances) -> None:
    assert taken_for(text, chances).best.name == next(iter(chances))


def test_each_wish_is_weighed_by_its_own_words() -> None:
    text, part = "the lamp of B200 back, and where is A100?", "the lamp of B200 back"
    likely = (
        Intent(name="modify_items", confidence=0.5),
        Intent(name="return_items", confidence=0.2),
    )
    wish = Wish(name="modify_items", text=part, slots=slots(part), likely=likely)
    found = (Intent(name="order_status", confidence=0.9),)
    understood = Understood(language="en", intents=found, wishes=(wish,), likely=found)
    assert weighed(understood, text, Dialogue(), SHOP).wishes[0].name == "return_items"


def test_what_is_plain_is_not_weighed() -> None:
    plain = Understood(language="en", intents=(Intent(name="affirm", confidence=1.0),))
    assert weighed(plain, "yes, send it back", Dialogue(), SHOP) == plain


async def test_a_turn_is_decided_by_what_was_weighed() -> None:
    text = "the lamp of B200 goes straight back"
    found = (
        Intent(name="modify_items", confidence=0.5),
        Intent(name="return_items", confidence=0.2),
    )
    understood = Understood(language="en", intents=found[:1], slots=slots(text), likely=found)
    turn = Turn(conversation="c", number=1, user="u", text=text)
    decided = await decided_from(turn, understood, None, Scene((), Dialogue(), SHOP, ()))
    assert (decided.action, decided.reason) == ("confirm", "return_items")

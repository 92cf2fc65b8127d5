"""What a turn means beyond its words: dialogues of strangers that went wrong once."""

from dataclasses import replace

import pytest

from agents.shop.contracts import OrderView
from agents.shop.requests import Cancel, Return
from agents.shop.rules import refusals
from agents.support.dialogue.products import about, products
from agents.support.dialogue.render import render
from agents.support.models import Dialogue, Intent, IntentName
from agents.support.understanding.exclusions import is_refused, left_out, without_refused
from agents.support.understanding.wishes import with_question
from tests.agents.support.dialogue.shop import SHOP, answer, decided, heard, talk

RETURN: tuple[str, IntentName] = ("return the lamp from B200", "return_items")


@pytest.mark.parametrize(
    "text,intent",
    [
        ("everything but the lamp from B200", "modify_items"),
        ("cancel everything in B200 except the lamp", "cancel_order"),
        ("all of it from B200 except the lamp please", "thanks"),
        ("B200除了台灯Desk Lamp其他都不要了", "account"),
    ],
)
def test_what_is_left_out_of_a_shipped_order_is_kept_and_the_rest_returned(
    text: str, intent: IntentName
) -> None:
    asked, done = talk((text, intent), ("yes", "affirm"))
    assert (asked.action, asked.request) == ("confirm", None)
    assert done.request == Return(order="B200", pieces=("10000001",), method="card")


@pytest.mark.parametrize("text", ["return everything but the lamp from A100", "A100退单"])
def test_what_only_cancelling_can_do_is_said_and_asked_for(text: str) -> None:
    asked, done = talk((text, "return_items"), ("yes", "affirm"))
    assert "so all that is possible is to cancel an order" in answer(asked)
    assert (asked.action, asked.request) == ("confirm", None)
    assert done.request == Cancel(order="A100")


def test_a_refusal_says_what_is_possible_and_asks_for_nothing() -> None:
    refused, yes = talk(("cancel B200", "cancel_order"), ("yes", "affirm"))
    assert "you can return its goods" in answer(refused)
    assert (refused.after.task, yes.request) == (None, None)


@pytest.mark.parametrize("intent", ["return_items", "exchange_items", "modify_items"])
def test_after_the_window_goods_are_neither_taken_back_nor_swapped(intent: IntentName) -> None:
    late = SHOP.orders["B200"].model_copy(
        update={"days": 50, "returnable_until": "2026-11-20", "refuses": {}}
    )
    late = OrderView(**(dict(late) | {"refuses": refusals(late)}))
    shop = replace(SHOP, orders={**SHOP.orders, "B200": late})
    step = decided(replace(heard("the T-Shirt from B200 in blue", intent), shop=shop))
    assert step.reason == "refused"
    assert "until 20 November 2026" in answer(step)


@pytest.mark.parametrize(
    "text", ["actually I want to return the lamp from B200", "先帮我退B200的Desk Lamp"]
)
def test_a_wish_comes_before_the_question_that_waits_for_its_order(text: str) -> None:
    which, asked, done = talk(
        ("where is it", "order_status"), (text, "return_items"), ("yes", "affirm")
    )
    assert which.after.task is not None
    assert (asked.action, asked.after.later) == ("confirm", ())
    assert done.request == Return(order="B200", pieces=("20000001",), method="card")


@pytest.mark.parametrize(
    "refused,wanted",
    [
        ("not a refund,", "swap it"),
        ("I don't want my money back,", "just exchange the lamp"),
        ("不要退款，", "换一个"),
        ("I am NOT cancelling,", "I want the status of it"),
        ("我没说要取消，", "就看看到哪一步了"),
        ("pls dont cancel anything!", "where is my parcel"),
    ],
)
def test_a_refused_clause_says_nothing_of_what_is_wanted(refused: str, wanted: str) -> None:
    assert without_refused(f"{refused} {wanted}") == wanted
    assert is_refused(refused[:-1])


def test_a_return_that_becomes_an_exchange_keeps_its_goods_and_is_given_up() -> None:
    _, other = talk(RETURN, ("not a refund, swap it", "exchange_items"))
    assert other.after.task is not None
    assert (other.after.task.name, other.after.task.pieces) == ("exchange_items", ("20000001",))
    assert other.after.later == ()


def test_what_follows_but_is_left_out() -> None:
    assert left_out("return everything in my order but the lamp").strip() == "the lamp"
    assert left_out("all good, but the lamp is late") == ""


SHIRT = "T-Shirt: USD 10.00 to USD 12.00. You can choose color: red, blue; size: M, L."


@pytest.mark.parametrize(
    "text,says",
    [
        ("which sizes are there?", "T-Shirt, size: M, L."),
        (
            "do you have it in blue?",
            "T-Shirt: we have blue, L for USD 11.00; blue, M for USD 12.00.",
        ),
        ("is it waterproof?", "More than the following is not known to me"),
        ("how much is it?", "T-Shirt: USD 10.00 to USD 12.00."),
    ],
)
def test_a_question_after_goods_were_shown_is_about_them(text: str, says: str) -> None:
    before = Dialogue(said=SHIRT, language="en")
    assert answer(decided(heard(text, "out_of_scope", before=before))).startswith(says)


def test_another_question_is_not_about_the_goods_shown_last() -> None:
    assert about("what is the weather like", SHIRT, SHOP) == ()
    assert about("do you have the lamp in red?", SHIRT, SHOP) == ()
    assert about("is it waterproof?", "Order A100 is cancelled.", SHOP) == ()


def test_a_value_that_the_goods_do_not_have_is_said() -> None:
    told = " ".join(render(part, "en") for part in products("a red t-shirt in L", SHOP))
    assert told.startswith("T-Shirt: not available in L, red. T-Shirt: USD 10.00")


def test_how_it_was_paid_is_asked_of_the_order_named_last() -> None:
    _, paid = talk(("what is in A100", "order_contents"), ("怎么付的", "knowledge"))
    assert "paid by credit card (Visa)" in answer(paid)


def test_what_is_in_an_order_is_no_list_of_orders() -> None:
    asked = heard("别取消A100，我只是想看看里面有什么", "order_list")
    assert "Desk Lamp (USD 30.00)" in answer(decided(asked))


def test_a_property_is_told_before_the_question_is_asked_again() -> None:
    _, told = talk(RETURN, ("what power does it have?", "out_of_scope"))
    assert answer(told).startswith("Desk Lamp, power: battery. Return Desk Lamp of order B200")


@pytest.mark.parametrize(
    "text",
    [
        "from B200 I'm keeping only the lamp, the rest goes back",
        "B200我只留Desk Lamp，其他的都退",
        "B200除Desk Lamp外都退了吧",
    ],
)
def test_what_is_kept_is_not_returned(text: str) -> None:
    asked, done = talk((text, "cancel_order"), ("yes", "affirm"))
    assert asked.request is None
    assert done.request == Return(order="B200", pieces=("10000001",), method="card")


def test_the_same_wish_said_again_is_no_yes() -> None:
    asked, again, sure = talk(RETURN, ("right, return one", "return_items"), ("yes", "affirm"))
    assert again.request is None
    assert answer(again).endswith(answer(asked))
    assert sure.request is not None


def test_a_wish_and_a_question_about_the_rules_are_two() -> None:
    def classify(part: str) -> Intent:
        return Intent(name="knowledge" if "fee" in part else "cancel_order", confidence=0.9)

    both = with_question("cancel A100, is there a fee", classify)
    assert [wish.name for wish in both] == ["cancel_order", "knowledge"]
    assert with_question("cancel A100, B200", classify) == ()


def test_an_order_named_by_its_goods_answers_which_it_is() -> None:
    _, cancel = talk(("cancel it", "cancel_order"), ("A100有Desk Lamp那单", "order_contents"))
    assert (cancel.action, cancel.reason) == ("confirm", "cancel_order")

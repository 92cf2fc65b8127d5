"""What a turn only asks about a change is answered from its order and the rules, and begins nothing."""

from dataclasses import replace

import pytest

from agents.shop.requests import Cancel, ModifyItems
from agents.support.dialogue.render import reply
from agents.support.models import ChangeOutcome, Dialogue, IntentName
from tests.agents.support.dialogue.shop import NEW, SHOP, answer, decided, heard, talk

ABOUT_A = Dialogue(order="A100")
ABOUT_B = Dialogue(order="B200")


@pytest.mark.parametrize(
    "text,intent,before,said",
    [
        ("if I had to, could I still cancel it", "cancel_order", ABOUT_A, "A100 can still be cancelled"),
        ("until when could I cancel it at the latest", "cancel_order", ABOUT_A, "have left our warehouse"),
        ("in theory, could I still cancel it", "cancel_order", ABOUT_B, "beyond that"),
        ("what would I get back if I cancelled it", "refund_status", ABOUT_A, "USD 40.00 would go back to credit card"),
        ("what would I get back if I returned the lamp", "refund_status", ABOUT_B, "USD 30.00 would go back"),
        ("if it does not fit, how long could I return it", "return_items", ABOUT_A, "Once it has arrived"),
        ("how much more would it be if I took the T-Shirt in blue", "modify_items", ABOUT_A, "cost USD 2.00 more"),
        ("could I in theory pay it another way", "modify_payment", ABOUT_A, "cover the whole amount"),
        ("just curious, could the address be changed", "modify_order_address", ABOUT_A, "can still go to another"),
        ("if I moved, could the address be changed", "modify_customer_address", ABOUT_A, "until the order is packed"),
        ("if I moved, could you change the address of my account", "modify_customer_address", NEW, "at any time"),
        ("假如我要取消，还来得及吗", "cancel_order", NEW, "A100 can still be cancelled"),
        ("万一不想要了，最晚什么时候能取消", "cancel_order", ABOUT_A, "have left our warehouse"),
        ("要是想换个地址还来得及吗，先别改", "modify_order_address", ABOUT_A, "until the order is packed"),
    ],
)  # fmt: skip
def test_a_question_about_a_change_begins_none(
    text: str, intent: IntentName, before: Dialogue, said: str
) -> None:
    step = decided(heard(text, intent, before=before))
    assert (step.action, step.reason, step.request) == ("answer", "possible", None)
    assert said in answer(step)
    assert step.after.task is None


def test_a_question_leaves_the_open_one_open_and_a_yes_right_after_it_changes() -> None:
    asked, beside, done = talk(
        ("cancel A100", "cancel_order"),
        ("what would I get back if I cancelled it", "refund_status"),
        ("yes", "affirm"),
    )
    assert (asked.action, beside.action, beside.request) == ("confirm", "answer", None)
    assert answer(beside).endswith("Shall I cancel it? Please answer yes or no.")
    assert done.request == Cancel(order="A100")


@pytest.mark.parametrize(
    "text",
    [
        "is there a fee if I do that?",
        "does that cost me anything",
        "取消收手续费不",
        "要另外付钱吗",
    ],
)
def test_what_costs_is_said_while_a_yes_is_awaited(text: str) -> None:
    _, beside = talk(("cancel A100", "cancel_order"), (text, "knowledge"))
    assert "Cancelling is free" in answer(beside)
    assert beside.after.task is not None


def test_what_costs_is_no_question_about_the_change_if_it_names_another_matter() -> None:
    _, beside = talk(
        ("cancel A100", "cancel_order"), ("how much is express delivery to a village", "knowledge")
    )
    assert "Cancelling is free" not in answer(beside)


@pytest.mark.parametrize(
    "text", ["once that is changed, could I still cancel it", "改完以后还能取消吗"]
)
def test_afterwards_means_the_order_as_the_change_would_leave_it(text: str) -> None:
    asked, beside, done = talk(
        ("change the T-Shirt of A100 to the blue one in M", "modify_items"),
        (text, "cancel_order"),
        ("yes", "affirm"),
    )
    assert asked.action == "confirm"
    assert "no longer possible to cancel an order" in answer(beside)
    assert isinstance(done.request, ModifyItems)


@pytest.mark.parametrize(
    "text", ["no no i was only asking", "I'm only asking", "不改不改，就问问", "只是问问"]
)
@pytest.mark.parametrize("intent", ["repeat", "deny", "modify_order_address"])
def test_only_asking_is_a_no(text: str, intent: IntentName) -> None:
    for wish in (
        ("cancel A100", "cancel_order"),
        ("another address for A100", "modify_order_address"),
    ):
        _, dropped = talk(wish, (text, intent))
        assert (dropped.reason, dropped.after.task, dropped.request) == ("dropped", None, None)


def test_a_wish_beside_what_is_only_asked_is_begun() -> None:
    text = "cancel A100 , if I had to, could I still return B200"
    context = heard(text, "cancel_order", more=("return_items",))
    cancel, back = context.understood.wishes
    of_one = cancel.model_copy(
        update={
            "text": "cancel A100",
            "slots": cancel.slots.model_copy(update={"orders": ("A100",)}),
        }
    )
    of_other = back.model_copy(
        update={
            "text": "if I had to, could I still return B200",
            "slots": back.slots.model_copy(update={"orders": ("B200",)}),
        }
    )
    understood = context.understood.model_copy(update={"wishes": (of_one, of_other)})
    step = decided(replace(context, understood=understood))
    assert "Sending goods back is free" in answer(step)
    assert (step.action, step.after.later) == ("confirm", ())


def test_an_order_of_somebody_else_is_not_known() -> None:
    step = decided(heard("if I had to, could I still cancel Z900", "cancel_order"))
    assert "Z900" in answer(step)
    assert "can still be cancelled" not in answer(step)
    assert SHOP.orders.get("Z900") is None


def test_what_was_asked_about_is_what_comes_next() -> None:
    step = decided(heard("in theory, could I still return what is in B200", "return_items"))
    after = reply("en", step, ChangeOutcome(outcome="applied")).after
    assert after.order == "B200"


def test_when_the_money_of_a_return_comes_is_no_second_return() -> None:
    _, beside = talk(
        ("return the lamp from B200", "return_items"),
        ("how much do I get back once it has gone back, and then when", "refund_status"),
    )
    assert "no longer possible" not in answer(beside)
    assert beside.after.task is not None

"""What a language model proposes counts only within the rules: nothing of it changes or permits anything."""

from dataclasses import replace
from typing import Any

import pytest

from agents.shop.requests import Cancel, Return
from agents.support.dialogue.disposing import chosen_passages, dispose
from agents.support.dialogue.render import reply
from agents.support.models import (
    ChangeOutcome,
    Command,
    Decided,
    Dialogue,
    IntentName,
    Passage,
    Understood,
)
from tests.agents.support.dialogue.shop import NEW, SHOP, decided, heard

ELSEWHERE = {
    "line1": "13 Evil Road", "city": "Reno", "state": "NV", "postal_code": "89501", "country": "US",
}  # fmt: skip
HERE = "send A100 to 5 Oak Lane, out in denverville 80279 CO"
OAK_LANE = {
    "line1": "5 Oak Lane", "city": "denverville", "state": "CO", "postal_code": "80279", "country": "US",
}  # fmt: skip


def step(
    text: str, mine: IntentName, before: Dialogue = NEW, confidence: float = 0.9, **command: Any
) -> Decided:
    """The step for a text that the rules take for an intent, and a model for a command."""
    context = heard(text, mine, before=before, confidence=confidence)
    proposed = Command.model_validate(command) if command else None
    disposed = dispose(proposed, text, context.understood, before, SHOP)
    return decided(
        replace(
            context,
            understood=disposed.understood,
            doubt=disposed.doubt,
            selection=disposed.selection,
        )
    )


def after(one: Decided) -> Dialogue:
    return reply("en", one, ChangeOutcome(outcome="applied")).after


def said(one: Decided) -> str:
    return reply("en", one, ChangeOutcome(outcome="applied")).text


def test_what_only_the_model_takes_for_a_change_is_asked_and_then_confirmed() -> None:
    asked = step("get rid of it all", "out_of_scope", intent="cancel_order", order="A100")
    assert said(asked) == "Do you want to cancel an order? Please answer yes or no."
    confirmed = step("yes", "affirm", after(asked), intent="cancel_order", order="B200")
    assert confirmed.action == "confirm"
    assert step("yes", "affirm", after(confirmed)).request == Cancel(order="A100")
    assert step("no", "deny", after(asked)).after.task is None


def test_where_both_want_different_changes_the_customer_chooses() -> None:
    asked = step("change A100", "modify_items", intent="cancel_order", order="A100")
    assert asked.after.options == ("modify_items", "cancel_order")
    assert step("the second", "out_of_scope", after(asked)).action == "confirm"


def test_a_change_that_the_model_does_not_see_is_asked_for_as_well() -> None:
    assert step("cancel A100", "cancel_order", intent="knowledge").after.options == (
        "cancel_order",
    )
    assert step("cancel A100", "cancel_order", intent="cancel_order", unsure=True).action == "ask"


def test_where_nothing_would_change_the_model_is_followed() -> None:
    seen = step("how is it going with B200", "out_of_scope", intent="order_status", order="B200")
    assert seen.reason == "order_status"


def test_a_missing_selection_is_filled_in_and_shown_before_the_yes() -> None:
    asked = step(
        "I do not like that thing for reading at night, back with it",
        "return_items",
        intent="return_items",
        order="B200",
        include=["20000001"],
    )
    assert "Desk Lamp" in said(asked)
    request = step("yes", "affirm", after(asked)).request
    assert request == Return(order="B200", pieces=("20000001",), method="card")


def test_all_but_some_pieces_are_selected_by_leaving_out() -> None:
    asked = step(
        "B200 back, the one for reading stays",
        "return_items",
        intent="return_items",
        order="B200",
        exclude=["20000001"],
    )
    assert after(asked).task is not None
    assert said(asked).startswith("Return T-Shirt of order B200")


def test_where_both_select_different_things_the_question_is_open_once() -> None:
    asked = step(
        "return the lamp of B200",
        "return_items",
        intent="return_items",
        order="B200",
        include=["10000001"],
    )
    assert (asked.action, after(asked).task and after(asked).task.asked) == ("ask", "pieces")  # type: ignore[union-attr]
    sure = step("the lamp", "return_items", after(asked), intent="return_items",
                order="B200", include=["10000001"])  # fmt: skip
    assert "Desk Lamp" in said(sure)


def test_another_order_than_the_one_named_is_asked_for() -> None:
    asked = step("cancel A100", "cancel_order", intent="cancel_order", order="B200")
    assert (asked.action, asked.after.order) == ("ask", "")


@pytest.mark.parametrize("text", ["yes", "好的", "no", "yes, cancel it"])
def test_a_plain_yes_or_no_is_the_customers_alone(text: str) -> None:
    asked = step("cancel A100", "cancel_order")
    commands: list[dict[str, Any]] = [
        {"intent": "deny"},
        {"intent": "cancel_order", "order": "B200"},
    ]
    for command in commands:
        without, with_one = (
            step(text, "affirm", after(asked), **c) for c in (dict[str, Any](), command)
        )
        assert without == with_one


@pytest.mark.parametrize("intent", ["affirm", "deny", "repeat"])
def test_no_model_says_yes_or_no_for_the_customer(intent: IntentName) -> None:
    asked = step("cancel A100", "cancel_order")
    doubt = step("hm, is that so", "out_of_scope", after(asked), intent=intent)
    assert doubt == step("hm, is that so", "out_of_scope", after(asked))
    assert doubt.request is None


def test_a_person_is_offered_and_never_kept_away() -> None:
    asked = step("hm", "out_of_scope", intent="human")
    assert (asked.action, asked.after.options) == ("ask", ("human",))
    assert step("a person please", "human", intent="order_list").action == "hand_over"


@pytest.mark.parametrize(
    "command",
    [
        {"intent": "modify_order_address", "order": "A100", "address": ELSEWHERE},
        {
            "intent": "modify_order_address",
            "order": "A100",
            "address": OAK_LANE | {"country": "KP"},
        },
        {"intent": "modify_order_address", "order": "A100"},
    ],
    ids=["not-said", "abroad", "none"],
)
def test_an_address_that_the_customer_has_not_said_is_none(command: dict[str, Any]) -> None:
    asked = step(HERE, "modify_order_address", **command)
    assert after(asked).task is not None
    assert "And the city?" in said(asked)
    assert "Evil" not in said(asked)
    assert asked.action == "ask"


def test_an_address_in_free_text_is_copied_and_confirmed() -> None:
    command: dict[str, Any] = {
        "intent": "modify_order_address",
        "order": "A100",
        "address": OAK_LANE,
    }
    asked = step(HERE, "modify_order_address", **command)
    assert said(asked).startswith("Ship order A100 to:\nstreet: 5 Oak Lane\ncity: denverville\n")


@pytest.mark.parametrize(
    "command",
    [
        {"order": "W7777777", "include": ["20000001"]},
        {"order": "B200", "include": ["99999999"]},
        {"order": "B200", "include": ["20000001", "20000001"]},
        {"order": "B200", "include": ["10000001"], "exclude": ["20000001"]},
    ],
    ids=["of-another", "unknown", "too-many", "left-out-twice"],
)
def test_what_was_not_there_before_is_not_selected(command: dict[str, Any]) -> None:
    asked = step("some of it back, from B200", "return_items", intent="return_items", **command)
    assert asked == step("some of it back, from B200", "return_items")


def test_it_chooses_among_passages_and_adds_none() -> None:
    known = [Passage(document=f"en/{n}.md", section="s", text="t", language="en") for n in range(3)]
    command = Command(intent="knowledge", passages=(3, 3, 9, 0, -1))
    assert chosen_passages(command, known) == (known[2], known[0], known[1])
    assert chosen_passages(None, known) == tuple(known)


def test_a_sure_reading_without_a_command_is_left_as_it_is() -> None:
    understood: Understood = heard("hello", "greeting").understood
    assert dispose(None, "hello", understood, NEW, SHOP).understood is understood

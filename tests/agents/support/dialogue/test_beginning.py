"""The tasks that a turn begins: of several wishes, of damage, of goods and orders that are only described."""

from dataclasses import replace

import pytest

from agents.shop.accounts import Piece
from agents.shop.contracts import OrderView
from agents.shop.requests import Exchange, Return
from agents.support.dialogue.describing import described
from agents.support.dialogue.forms import fill
from agents.support.dialogue.render import reply
from agents.support.dialogue.turn_context import TurnContext
from agents.support.models import ChangeOutcome, Dialogue, IntentName, Task, Wish
from agents.support.understanding.exclusions import left_out
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import SHOP, answer, decided, heard, order, talk
from tests.agents.support.dialogue.test_forms import CHINESE

SHIRT, LAMP = "10000001", "20000001"


def wishing(
    text: str, *wishes: tuple[IntentName, str], before: Dialogue | None = None
) -> TurnContext:
    """The text with these wishes, each with the part of the text that is about it."""
    context = heard(text, wishes[0][0], before=before or Dialogue())
    some = tuple(Wish(name=name, text=part, slots=slots(part)) for name, part in wishes)
    return TurnContext(
        context.turn,
        context.understood.model_copy(update={"wishes": some}),
        context.before,
        context.shop,
    )


def test_who_tells_why_comes_to_the_wish_at_the_end() -> None:
    why, wish = "the T-shirt of mine is too tight", "take it back"
    step = decided(wishing(f"{why}. {wish}", ("exchange_items", why), ("return_items", wish)))
    assert step.after.task is not None
    assert (step.after.task.name, step.after.task.pieces) == ("return_items", (SHIRT,))
    assert step.after.later == ()


def test_wishes_for_other_goods_are_all_begun() -> None:
    first, second = "exchange the T-shirt of B200 for blue", "return the lamp of B200"
    step = decided(
        wishing(f"{first}, {second}", ("exchange_items", first), ("return_items", second))
    )
    assert {task.name for task in (step.after.task, *step.after.later) if task} == {
        "exchange_items", "return_items",
    }  # fmt: skip


def test_a_question_without_an_order_is_none_beside_a_wish() -> None:
    said, wish = "what is on its way can stay", "cancel A100"
    step = decided(wishing(f"{said}, {wish}", ("order_status", said), ("cancel_order", wish)))
    assert step.after.task is not None
    assert step.after.task.name == "cancel_order"


@pytest.mark.parametrize(
    "wish,question",
    [("cancel A100", "how much will I get back"), ("取消A100", "能退我多少钱")],
)
def test_a_question_beside_a_wish_is_about_its_order(wish: str, question: str) -> None:
    step = decided(
        wishing(f"{wish}, {question}", ("cancel_order", wish), ("refund_status", question))
    )
    assert step.after.task is not None
    assert (step.after.task.name, step.after.task.asked) == ("cancel_order", "confirm")
    assert "no refund for order A100" in answer(step)


@pytest.mark.parametrize(
    "first,second,is_said",
    [
        ("swap the T-shirt of mine", "take it back", True),
        ("the T-shirt of mine pinches", "take it back", False),
    ],
)
def test_a_wish_that_another_one_excludes_is_not_left_out_in_silence(
    first: str, second: str, is_said: bool
) -> None:
    step = decided(
        wishing(f"{first}. {second}", ("exchange_items", first), ("return_items", second))
    )
    assert ("leave out your wish to exchange" in answer(step)) is is_said
    assert step.after.task is not None
    assert step.after.task.name == "return_items"


def test_the_order_that_answers_which_is_asked_for_once() -> None:
    before = Dialogue(task=Task(name="return_items", asked="order", text="return it"))
    pays, returns = "pay A100 by gift card", "return the lamp of B200"
    step = decided(
        wishing(
            f"{pays}, {returns}", ("modify_payment", pays), ("return_items", returns), before=before
        )
    )
    assert [(t.name, t.order) for t in (step.after.task, *step.after.later) if t] == [
        ("modify_payment", "A100"), ("return_items", "B200"),
    ]  # fmt: skip


def test_a_wish_does_not_take_the_order_that_another_one_describes() -> None:
    first, second = "cancel the order that is pending", "return the lamp"
    step = decided(wishing(f"{first}, {second}", ("cancel_order", first), ("return_items", second)))
    assert {(task.name, task.order) for task in (step.after.task, *step.after.later) if task} == {
        ("cancel_order", "A100"), ("return_items", "B200"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text,wanted,order",
    [
        ("the one that has not been shipped", "cancel_order", "A100"),
        ("还没发货的那单", "cancel_order", "A100"),
        ("the order that arrived, with the lamp", "order_contents", "B200"),
        ("the order with the sofa", "cancel_order", ""),
    ],
)
def test_an_order_is_described_by_its_state(text: str, wanted: IntentName, order: str) -> None:
    assert described(text, wanted, Dialogue(), SHOP).order == order


@pytest.mark.parametrize(
    "choice,kind",
    [
        ("the money back, a refund", Return),
        ("swap it for a new one", Exchange),
        ("a refund, no swap", Return),
        ("退吧，不换", Return),
    ],
)
def test_who_only_tells_of_damage_is_asked_what_shall_be_done(choice: str, kind: type) -> None:
    asked, _, done = talk(
        ("the lamp from B200 came with a broken switch", "complaint"),
        (choice, "out_of_scope"),
        ("yes", "affirm"),
    )
    assert answer(asked).startswith("I am sorry that it came like that.")
    assert isinstance(done.request, (Return, Exchange))
    assert (type(done.request), done.request.pieces) == (kind, (LAMP,))


def test_the_answer_to_which_of_two_is_known_by_its_words() -> None:
    before = Dialogue(options=("modify_order_address", "modify_customer_address"), began="I moved")
    step = decided(heard("the one in my account", "account", before=before))
    assert step.after.task is not None
    assert step.after.task.name == "modify_customer_address"


def test_both_is_an_answer_to_which_order() -> None:
    _, both = talk(("where are my parcels", "order_status"), ("both of them", "affirm"))
    assert "A100" in answer(both)
    assert "B200" in answer(both)


def test_what_is_dearer_is_chosen_among_the_goods_shown_last() -> None:
    shirts = SHOP.orders["B200"].pieces[0].model_copy(update={"sku": "10000002", "price": 1_200})
    order = SHOP.orders["B200"]
    both = order.model_copy(update={"pieces": (order.pieces[0], shirts, order.pieces[1])})
    before = Dialogue(order="B200", said="T-Shirt (red, M) USD 10.00, T-Shirt (blue, M) USD 12.00")
    context = heard("send the more expensive one back", "return_items", before=before)
    shop = type(SHOP)(SHOP.customer, {**SHOP.orders, "B200": both}, SHOP.goods, SHOP.latest)
    step = decided(TurnContext(context.turn, context.understood, before, shop))
    assert step.after.task is not None
    assert step.after.task.pieces == ("10000002",)


def test_a_change_of_mind_keeps_what_was_chosen_otherwise() -> None:
    asked = decided(heard("exchange the T-shirt of B200 for a blue one", "exchange_items"))
    before = reply("en", asked, ChangeOutcome(outcome="applied")).after
    again = decided(heard("rather in L", "out_of_scope", before=before))
    assert again.after.task is not None
    assert again.after.task.new == ("10000003",)


def test_a_change_without_other_goods_is_none_beside_a_wish_for_its_order() -> None:
    why, wish = "I have a T-shirt that has not been shipped", "pay it by gift card"
    step = decided(wishing(f"{why}. {wish}", ("modify_items", why), ("modify_payment", wish)))
    assert [task.name for task in (step.after.task, *step.after.later) if task] == [
        "modify_payment"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "please don't give me to a human, where is B200",
        "B200到哪了，不要转人工",
    ],
)
def test_who_wants_no_person_gets_none(text: str) -> None:
    step = decided(heard(text, "human", "order_status"))
    assert step.action == "answer"
    assert "B200 has been shipped" in answer(step)


def test_who_is_not_helped_gets_a_person() -> None:
    assert decided(heard("this is not working give me a person", "human")).action == "hand_over"


@pytest.mark.parametrize("text", ["除了台灯都退", "台灯以外的都退", "剩下的都退，台灯不动"])
def test_all_but_is_read_in_chinese(text: str) -> None:
    task = Task(name="return_items", order="B200")
    assert fill(task, slots(text), text, CHINESE).pieces == (SHIRT,)


def test_thanks_that_name_nothing_are_no_wish() -> None:
    text = "one thing less to think of, thank you!"
    assert answer(decided(heard(text, "modify_items", confidence=0.6))) == "You are welcome."


def test_only_one_of_the_two_shown_is_meant() -> None:
    lamp = SHOP.orders["B200"].pieces[1]
    two = SHOP.orders["B200"].model_copy(update={"pieces": (lamp, lamp)})
    shop = type(SHOP)(SHOP.customer, {**SHOP.orders, "B200": two}, SHOP.goods, SHOP.latest)
    task = Task(name="return_items", order="B200", pieces=(LAMP, LAMP), asked="confirm")
    for text in ("only one of them, please", "只退一个"):
        assert fill(task, slots(text), text, shop).pieces == (LAMP,)


def test_goods_of_two_orders_are_a_task_for_each() -> None:
    lamp = Piece(sku=LAMP, product="lamp", name="Desk Lamp", price=3_000)
    shirt = Piece(sku=SHIRT, product="shirt", name="T-Shirt", price=1_000)
    orders = {
        name: OrderView(**(dict(order(name, "delivered")) | {"pieces": pieces}))
        for name, pieces in (("B200", (lamp,)), ("C300", (shirt,)))
    }
    shop = replace(SHOP, orders=orders, latest=("B200", "C300"))
    context = replace(heard("return the lamp, and the T-shirt too", "return_items"), shop=shop)
    step = decided(context)
    begun = [task for task in (step.after.task, *step.after.later) if task]
    assert [(task.order, task.pieces) for task in begun] == [("B200", (LAMP,)), ("C300", (SHIRT,))]


def test_a_part_of_an_order_is_not_cancelled_where_the_rest_is_kept() -> None:
    (step,) = talk(("keep the T-shirt of A100, please cancel the lamp", "cancel_order"))
    assert step.action == "answer"
    assert answer(step).startswith("Order A100 can be cancelled only as a whole.")


def test_goods_that_others_only_tell_of_are_not_wanted() -> None:
    (step,) = talk(
        (
            "the lamp of B200 is a joy to read by. We have T-shirts enough, so I want to return the T-shirt",
            "return_items",
        )
    )
    assert step.after.task is not None
    assert step.after.task.pieces == (SHIRT,)


def test_what_is_denied_in_a_clause_of_its_own_is_left_out() -> None:
    asked, named = talk(
        ("I want to return something of B200", "return_items"),
        ("the lamp, not the T-shirt", "out_of_scope"),
    )
    assert asked.action == "ask"
    assert named.after.task is not None
    assert named.after.task.pieces == (LAMP,)
    assert left_out("all except the T-shirt").strip() == "the T-shirt"


def test_an_address_is_remembered_beside_what_is_not_understood() -> None:
    *_, step = talk(
        ("send A100 somewhere else", "modify_order_address"),
        ("5 Birch Lane", "out_of_scope"),
        ("Madison. sorry, my son grabbed the phone", "out_of_scope"),
        ("53703", "out_of_scope"),
    )
    assert step.action == "confirm"
    assert "Madison" in answer(step)

"""An own order is found by its place, its goods or its number; what is not clear is asked."""

from dataclasses import replace

import pytest

from agents.shop.accounts import Piece, Variant
from agents.shop.contracts import OrderView
from agents.support.dialogue.describing import described, words_to_look_up
from agents.support.dialogue.forms import ShopView
from agents.support.dialogue.render import reply
from agents.support.models import ChangeOutcome, Decided, Dialogue, IntentName, Task
from tests.agents.support.dialogue.shop import CUSTOMER, answer, decided, heard, order, talk
from tests.agents.support.dialogue.shop import SHOP as TWO_ORDERS

KINDS = {
    "30000001": ("Mechanical Keyboard", "机械键盘", ("键盘",)),
    "40000001": ("Hiking Boots", "登山靴", ("靴子",)),
    "50000001": ("Desk Lamp", "台灯", ()),
}
GOODS = {
    sku: Variant(
        sku=sku, product=sku, name=name, names={"zh": zh}, also=also, price=1_000, options={}, available=True
    )
    for sku, (name, zh, also) in KINDS.items()
}  # fmt: skip


def bought(name: str, *skus: str) -> OrderView:
    pieces = tuple(Piece(sku=s, product=s, name=GOODS[s].name, price=1_000) for s in skus)
    return order(name, "pending").model_copy(update={"pieces": pieces})


OWN = {
    "W1111111": bought("W1111111", "30000001"),
    "W2222222": bought("W2222222", "40000001", "50000001"),
    "W3333333": bought("W3333333", "50000001"),
}
SHOP = ShopView(CUSTOMER, OWN, GOODS, ("W3333333", "W2222222", "W1111111"))


def steps(*texts: tuple[str, IntentName], shop: ShopView = SHOP) -> list[Decided]:
    before, found = Dialogue(), []
    for text, intent in texts:
        step = decided(replace(heard(text, intent, before=before), shop=shop))
        before = reply("en", step, ChangeOutcome(outcome="applied")).after
        found.append(step)
    return found


def order_of(step: Decided) -> str:
    """The order that a yes is asked for; "" where the order is asked for."""
    assert step.request is None
    assert step.after.task is not None
    assert (step.action == "confirm") == bool(step.after.task.order)
    return step.after.task.order


@pytest.mark.parametrize(
    "text,found",
    [
        ("cancel my last order", "W3333333"),
        ("取消最近一单", "W3333333"),
        ("把我刚下的订单取消", "W3333333"),
        ("cancel the one with the keyboard", "W1111111"),
        ("cancel the order with the boots", "W2222222"),
        ("cancel my keyboard order", "W1111111"),
        ("取消键盘那个", "W1111111"),
        ("取消有靴子的那单", "W2222222"),
        ("cancel w1111111", "W1111111"),
        ("cancel #w2222222 please", "W2222222"),
        ("请取消订单w2222222，谢谢", "W2222222"),
        ("cancel the one with the lamp", ""),  # two have one
        ("取消台灯那单", ""),
        ("cancel the one with the keyboard, no wait, the one with the boots", "W2222222"),
        ("cancel an order", ""),
        ("cancel my orders", ""),
    ],
)
def test_an_order_is_described(text: str, found: str) -> None:
    (step,) = steps((text, "cancel_order"))
    assert order_of(step) == found


@pytest.mark.parametrize(
    "text,found",
    [
        ("the first one", "W3333333"),
        ("the second", "W2222222"),
        ("2", "W2222222"),
        ("第二个", "W2222222"),
        ("第三单吧", "W1111111"),
        ("the last one", "W1111111"),
        ("最后一个", "W1111111"),
        ("the fifth one", ""),
        ("the one with the keyboard", "W1111111"),
        ("键盘那个", "W1111111"),
        ("the boots", "W2222222"),
        ("the lamp", ""),
    ],
)
def test_one_of_the_listed_orders_is_chosen(text: str, found: str) -> None:
    asked, chosen = steps(("cancel an order", "cancel_order"), (text, "out_of_scope"))
    assert order_of(asked) == ""
    if found:
        assert order_of(chosen) == found
    else:
        assert chosen.after.task is None or not chosen.after.task.order


def test_a_place_counts_only_after_a_list() -> None:
    (alone,) = steps(("cancel the second one", "cancel_order"))
    assert order_of(alone) == ""
    *_, told = steps(("my orders", "order_list"), ("cancel the second one", "cancel_order"))
    assert order_of(told) == "W2222222"


def test_a_question_about_goods_chooses_no_order() -> None:
    *_, aside = steps(
        ("cancel an order", "cancel_order"), ("what does the keyboard cost?", "product")
    )
    assert aside.action == "answer"
    assert order_of(aside) == ""


def test_the_only_own_order_is_meant() -> None:
    one = ShopView(CUSTOMER, {"W1111111": OWN["W1111111"]}, GOODS, ("W1111111",))
    (step,) = steps(("cancel my order", "cancel_order"), shop=one)
    assert order_of(step) == "W1111111"
    (unknown,) = steps(("cancel order 998877", "cancel_order"), shop=one)
    assert unknown.reason == "unknown order"


def test_a_described_order_replaces_the_one_named_before() -> None:
    *_, other = steps(
        ("where is W1111111", "order_status"), ("cancel the one with the boots", "cancel_order")
    )
    assert order_of(other) == "W2222222"
    *_, unclear = steps(
        ("where is W1111111", "order_status"), ("cancel the one with the lamp", "cancel_order")
    )
    assert order_of(unclear) == ""


@pytest.mark.parametrize(
    "text",
    [
        "cancel my order, size 10XL2", "cancel it, I have voucher SAVE20", "cancel it, voucher VIP100",
        "cancel the 128GB one", "card 4111-1111-1111", "I live in AB12 now, cancel it", "取消，优惠券VIP200",
        "cancel it, I paid $1111", "取消，邮编W12345", "cancel the A4-500 one", "我付了1111元，取消",
    ],
)  # fmt: skip
def test_what_is_no_number_of_an_order_names_none(text: str) -> None:
    (step,) = steps((text, "cancel_order"))
    assert order_of(step) == ""


def test_digits_are_an_order_if_they_are_an_own_one() -> None:
    numbered = {"1111": bought("1111", "30000001"), "2222": bought("2222", "50000001")}
    shop = ShopView(CUSTOMER, numbered, GOODS, ("1111", "2222"))
    for text in ("cancel #1111", "cancel 1111", "取消订单1111", "取消1111那单"):
        assert order_of(steps((text, "cancel_order"), shop=shop)[0]) == "1111"
    for text in ("cancel, I paid $1111", "ship to 1111 Elm Street, Denver, CO 80279"):
        assert order_of(steps((text, "cancel_order"), shop=shop)[0]) == ""


def test_every_word_with_a_digit_is_looked_up() -> None:
    assert words_to_look_up("取消#w12 and 4477") == {"w12", "W12", "4477"}
    assert words_to_look_up("no digits, $4477, 12 Elm Street, Denver, CO 80279") == set()


@pytest.mark.parametrize("text", ["the boots one and the keyboard one", "靴子那单和键盘那单"])
def test_an_answer_that_names_two_orders_is_as_many_tasks(text: str) -> None:
    _, both = steps(("cancel something", "cancel_order"), (text, "product"))
    assert order_of(both) == "W2222222"
    assert [task.order for task in both.after.later] == ["W1111111"]


def test_both_of_two_that_were_named_are_meant() -> None:
    _, both = steps(("cancel the boots or the keyboard", "cancel_order"), ("both", "affirm"))
    assert order_of(both) == "W2222222"
    assert [task.order for task in both.after.later] == ["W1111111"]


@pytest.mark.parametrize("text", ["oh no sorry, I meant the keyboard one", "不对不对，我是说键盘"])
def test_an_order_is_corrected_at_the_confirmation(text: str) -> None:
    _, other = steps(("cancel the boots one", "cancel_order"), (text, "repeat"))
    assert order_of(other) == "W1111111"


def test_of_two_orders_in_an_answer_the_one_that_allows_it_is_meant() -> None:
    sent = order("W4444444", "delivered").model_copy(update={"pieces": OWN["W1111111"].pieces})
    orders = {"W2222222": OWN["W2222222"], "W3333333": OWN["W3333333"], sent.order: sent}
    shop = replace(SHOP, orders=orders, latest=tuple(orders))
    text = "the keyboard is here already; the boots came with the lamp"
    _, found = steps(("cancel something", "cancel_order"), (text, "order_status"), shop=shop)
    assert order_of(found) == "W2222222"


@pytest.mark.parametrize(
    "text",
    ["the order with only one thing in it", "只有一件东西的那单", "the parcel with a single item"],
)
def test_an_order_is_described_by_having_one_piece(text: str) -> None:
    shop = replace(SHOP, latest=("W2222222", "W1111111"))
    (found,) = steps((f"cancel {text}", "cancel_order"), shop=shop)
    assert order_of(found) == "W1111111"


@pytest.mark.parametrize("text", ["the pair that's not sent yet", "还没发货的"])
def test_a_state_answers_which_order(text: str) -> None:
    asked, named = talk(("pay with my gift card", "modify_payment"), (text, "order_status"))
    assert asked.after.task is not None
    assert asked.after.task.asked == "order"
    assert named.reason == "modify_payment" or "A100" in answer(named)
    assert named.after.task is None or named.after.task.order == "A100"


@pytest.mark.parametrize("text,expected", [("the pricier one", "B200"), ("便宜的那个", "C300")])
def test_a_price_answers_which_order(text: str, expected: str) -> None:
    cheap = order("C300", "delivered")
    cheap = OrderView(**(dict(cheap) | {"pieces": cheap.pieces[:1]}))
    shop = replace(
        TWO_ORDERS,
        orders={"B200": TWO_ORDERS.orders["B200"], "C300": cheap},
        latest=("B200", "C300"),
    )
    before = Dialogue(task=Task(name="return_items", asked="order"))
    assert described(text, "return_items", before, shop).order == expected

"""A task is filled from what users name, by number or by what things are."""

from dataclasses import replace

import pytest

from agents.shop.accounts import CustomerAccount, Method
from agents.shop.requests import Exchange, ModifyPayment
from agents.support.dialogue.forms import fill, missing, request_of, why_unclear
from agents.support.dialogue.replacing import choices
from agents.support.models import Task
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import GOODS, SHOP


def filled(task: Task, text: str) -> Task:
    return fill(task, slots(text), text, SHOP)


def test_goods_are_named_by_what_they_are_or_by_number() -> None:
    task = Task(name="return_items", order="B200")
    assert filled(task, "the desk lamp please").pieces == ("20000001",)
    assert filled(task, "10000001").pieces == ("10000001",)
    assert filled(task, "all of it").pieces == ("10000001", "20000001")
    assert filled(task, "a sofa").pieces == ()


def test_what_they_are_replaced_by_follows_from_the_options_named() -> None:
    task = Task(name="exchange_items", order="B200")
    blue = filled(task, "the T-Shirt in blue")
    assert blue.new == ("10000002",)  # the one that is otherwise as before
    assert filled(blue, "no, the 10000003").new == ("10000003",)
    assert filled(task, "the T-Shirt").new == ()
    shirt = filled(task, "the T-Shirt")
    some = choices(shirt, SHOP.orders["B200"], "the T-Shirt", GOODS)
    assert [v.sku for v in some] == ["10000003", "10000002"]
    assert request_of(blue, SHOP.orders["B200"]) == Exchange(
        order="B200", pieces=("10000001",), new=("10000002",), method="card"
    )


USB = GOODS["20000001"].model_copy(update={"sku": "20000002", "options": {"power": "usb"}})
BOTH = replace(SHOP, goods={**GOODS, USB.sku: USB})


@pytest.mark.parametrize(
    "text",
    [
        "exchange the T-Shirt for one in blue and the lamp for one with usb",
        "the lamp for one with usb and the T-Shirt for a blue one",
        "one in blue, and one with usb",
    ],
)
def test_each_piece_is_replaced_by_what_its_own_part_says(text: str) -> None:
    task = Task(name="exchange_items", order="B200", pieces=("10000001", "20000001"))
    asked = task.model_copy(update={"asked": "new"})
    found = fill(asked, slots(text), text, BOTH)
    assert dict(zip(found.pieces, found.new, strict=True)) == {
        "10000001": "10000002", "20000001": "20000002",
    }  # fmt: skip


CHINESE = replace(
    SHOP,
    goods={
        sku: v.model_copy(update={"names": {"zh": "台灯" if v.name == "Desk Lamp" else "T恤"}})
        for sku, v in GOODS.items()
    },
)


@pytest.mark.parametrize(
    "text,pieces",
    [
        ("除了台灯都退", ("10000001",)),
        ("全部退，台灯除外", ("10000001",)),
        ("everything except the lamp", ("10000001",)),
        ("退台灯", ("20000001",)),
        ("红色的那件", ("10000001",)),
        ("除了沙发都退", ()),
        ("everything except the sofa", ()),
        ("退两个台灯", ()),
    ],
)
def test_a_selection_is_read_in_both_scripts(text: str, pieces: tuple[str, ...]) -> None:
    task = Task(name="return_items", order="B200", asked="pieces")
    assert fill(task, slots(text), text, CHINESE).pieces == pieces
    why = why_unclear(task, slots(text), text, CHINESE)
    assert (why is not None) == (not pieces), "what cannot be done is said"


@pytest.mark.parametrize(
    "text,pieces",
    [
        ("退T恤那个订单里的台灯", ("20000001",)),
        ("退有T恤的订单", ()),
        ("return the lamp from the order with the T-shirt", ("20000001",)),
        ("return the one with the T-shirt", ()),
    ],
)
def test_goods_that_describe_the_order_are_not_returned(text: str, pieces: tuple[str, ...]) -> None:
    task = Task(name="return_items", order="B200")
    assert fill(task, slots(text), text, CHINESE).pieces == pieces


@pytest.mark.parametrize("text", ["all of it", "全部"])
def test_all_of_an_order_of_one_piece_is_that_piece(text: str) -> None:
    order = SHOP.orders["B200"]
    one = order.model_copy(update={"pieces": order.pieces[:1]})
    shop = replace(SHOP, orders={"B200": one})
    task = Task(name="return_items", order="B200", asked="pieces")
    assert fill(task, slots(text), text, shop).pieces == ("10000001",)


@pytest.mark.parametrize("text", ["把T恤换成蓝色的", "exchange the red T-shirt for blue"])
def test_a_colour_after_the_change_is_that_of_the_new_piece(text: str) -> None:
    task = fill(Task(name="exchange_items", order="B200"), slots(text), text, CHINESE)
    assert (task.pieces, task.new) == (("10000001",), ("10000002",))


def test_a_card_is_chosen_by_its_brand() -> None:
    cards = {
        brand: Method(id=brand, kind="credit_card", token=f"pm_card_{brand}")
        for brand in ("visa", "mastercard")
    }
    shop = replace(SHOP, customer=CustomerAccount(customer="u", methods=cards))
    task = Task(name="modify_payment", order="A100")
    named = [fill(task, slots(t), t, shop).method for t in ("my Visa", "mastercard", "credit card")]
    assert named == ["visa", "mastercard", ""]


def test_a_way_of_paying_is_one_that_the_customer_has() -> None:
    task = Task(name="modify_payment", order="A100")
    assert missing(task) == "method"
    assert filled(task, "with paypal").method == ""
    paid = filled(task, "with my gift card")
    assert request_of(paid, SHOP.orders["A100"]) == ModifyPayment(order="A100", method="gift")


def test_another_order_begins_the_task_anew() -> None:
    task = filled(Task(name="return_items", order="B200"), "the desk lamp")
    assert filled(task, "A100").pieces == ()
    assert filled(task, "A100").order == "A100"


def test_the_only_piece_of_an_order_is_meant_unless_other_goods_are_named() -> None:
    order = SHOP.orders["B200"]
    one = replace(SHOP, orders={"B200": order.model_copy(update={"pieces": order.pieces[:1]})})
    task = Task(name="return_items", order="B200")
    for text, pieces in (
        ("return my last order", ("10000001",)),
        ("return the desk lamp", ()),
        ("退货", ("10000001",)),
    ):
        assert fill(task, slots(text), text, one).pieces == pieces


def test_a_broken_piece_is_exchanged_for_the_same_again_and_never_changed_to_it() -> None:
    task = Task(name="exchange_items", order="B200", pieces=("20000001",), asked="new")
    assert filled(task, "the same again, please").new == ("20000001",)
    assert filled(task, "the same colour but with usb").new == ()
    assert filled(task.model_copy(update={"name": "modify_items"}), "the same again").new == ()


def test_what_is_wanted_instead_is_no_piece_of_the_order_that_happens_to_be_alike() -> None:
    order = SHOP.orders["B200"]
    blue = order.pieces[0].model_copy(update={"sku": "10000002"})
    both = order.model_copy(update={"pieces": (*order.pieces, blue)})
    shop = replace(SHOP, orders={"B200": both})
    task = Task(name="exchange_items", order="B200", pieces=("10000001",), asked="new")
    for text in ("10000002", "the T-Shirt in blue, M please", "the blue T-Shirt in M"):
        found = fill(task, slots(text), text, shop)
        assert (found.pieces, found.new) == (("10000001",), ("10000002",))
    text = "no, I meant the Desk Lamp"
    assert fill(task, slots(text), text, shop).pieces == ("20000001",)


def test_an_option_that_is_yes_or_no_is_named_with_its_name() -> None:
    dry, wet = (
        USB.model_copy(update={"sku": sku, "options": {"water resistance": value}})
        for sku, value in (("20000001", "no"), ("20000002", "yes"))
    )
    shop = replace(SHOP, goods={**GOODS, dry.sku: dry, wet.sku: wet})
    task = Task(name="exchange_items", order="B200", pieces=("20000001",), asked="new")
    for text, new in (("with water resistance: yes", ("20000002",)), ("yes", ())):
        assert fill(task, slots(text), text, shop).new == new


def test_one_of_two_cards_is_named_as_it_is_shown() -> None:
    cards = {
        name: Method(id=name, kind="credit_card", token="pm_card_visa") for name in ("one", "two")
    }
    shop = replace(SHOP, customer=CustomerAccount(customer="u", methods=cards))
    task = Task(name="modify_payment", order="A100")
    for text, method in (
        ("credit card (Visa) 2", "two"),
        ("信用卡（Visa） 1", "one"),
        ("Visa", ""),
    ):
        assert fill(task, slots(text), text, shop).method == method


def test_a_method_that_pays_another_order_pays_no_return() -> None:
    task = Task(name="return_items", order="B200")
    mug = GOODS["20000001"].model_copy(update={"sku": "9", "product": "mug", "name": "Mug"})
    shop = replace(SHOP, goods={**GOODS, "9": mug})
    text = "the lamp goes back, and the mug order should be on my gift card"
    assert fill(task, slots(text), text, shop).method == ""
    text = "the lamp goes back, the money to my gift card please"
    assert fill(task, slots(text), text, shop).method == "gift"

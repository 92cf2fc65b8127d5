"""A task is filled from what users name, by number or by what things are."""

from agents.shop.requests import Exchange, ModifyPayment
from agents.support.dialogue.forms import choices, fill, missing, request_of
from agents.support.models import Task
from agents.support.understanding.slots import slots
from tests.agents.support.dialogue.shop import SHOP


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
    assert [v.sku for v in choices(filled(task, "the T-Shirt"), SHOP)] == ["10000003", "10000002"]
    assert request_of(blue, SHOP.orders["B200"]) == Exchange(
        order="B200", pieces=("10000001",), new=("10000002",), method="card"
    )


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

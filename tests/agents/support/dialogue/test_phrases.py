"""A yes is asked for with everything that it would change."""

from agents.support.dialogue.phrases import confirmation, money, status_part
from agents.support.dialogue.render import say
from agents.support.models import Task
from tests.agents.support.dialogue.shop import SHOP, order


def test_an_exchange_names_goods_difference_and_who_pays() -> None:
    task = Task(name="exchange_items", order="B200", pieces=("10000001",), new=("10000002",))
    told = say(confirmation(task, SHOP.orders["B200"], SHOP), "en")
    assert told == (
        "Exchange T-Shirt (10000001) of order B200 for T-Shirt (10000002: blue, M); difference 2.00,"
        " by card. Shall I do that? Please answer yes or no."
    )


def test_a_refund_is_told_by_where_the_order_stands() -> None:
    told = [
        say(status_part("refund_status", order("A100", s)), "en") for s in ("cancelled", "pending")
    ]
    assert told == [
        "Order A100 is cancelled; what was paid for it is refunded.",
        "There is no refund for order A100: it is being prepared.",
    ]


def test_money_is_told_with_its_cents() -> None:
    assert [money(n) for n in (0, 5, 123_456, -250)] == ["0.00", "0.05", "1,234.56", "-2.50"]

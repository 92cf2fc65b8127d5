"""Customers read goods in their language, and methods of payment without internal ids."""

import pytest

from agents.shop.accounts import CustomerAccount, Method, Piece
from agents.support.dialogue.wording import called, day, listed, paid_by
from agents.support.models import Language
from agents.support.understanding.names import option
from tests.agents.support.dialogue.shop import GOODS, order

METHODS = {
    "credit_card_1": Method(id="credit_card_1", kind="credit_card", token="pm_card_visa"),
    "credit_card_2": Method(id="credit_card_2", kind="credit_card", token="pm_card_mastercard"),
    "credit_card_3": Method(id="credit_card_3", kind="credit_card", token="pm_card_mastercard"),
    "paypal_1": Method(id="paypal_1", kind="paypal", token="pm_paypal"),
    "gift_card_1": Method(id="gift_card_1", kind="gift_card", token="pm_gift_card"),
}


@pytest.mark.parametrize(
    "method,english,chinese",
    [
        ("credit_card_1", "credit card (Visa)", "信用卡（Visa）"),
        ("credit_card_3", "credit card (Mastercard) 2", "信用卡（Mastercard） 2"),
        ("paypal_1", "PayPal", "PayPal"),
        ("gift_card_1", "gift card", "礼品卡"),
        ("credit_card_9", "the method that paid", "原付款方式"),
    ],
)
def test_a_method_is_called_by_kind_and_brand(method: str, english: str, chinese: str) -> None:
    customer = CustomerAccount(customer="u", methods=METHODS)
    assert [paid_by(method, customer, one) for one in ("en", "zh")] == [english, chinese]


@pytest.mark.parametrize(
    "language,text",
    [
        ("en", "2 × T-Shirt (red, M), T-Shirt (blue, M)"),
        ("zh", "2 × T恤（红色、M）、T恤（蓝色、M）"),
    ],
)
def test_pieces_of_one_name_are_told_apart_by_their_options(language: Language, text: str) -> None:
    goods = {
        sku: v.model_copy(update={"names": {"zh": "T恤"}})
        for sku, v in GOODS.items()
        if v.name == "T-Shirt"
    }
    pieces = tuple(
        Piece(sku=sku, product="shirt", name="T-Shirt", price=1)
        for sku in ("10000001", "10000002", "10000001")
    )
    account = order("A100", "pending").model_copy(update={"pieces": pieces})
    assert listed(pieces, account, goods, language) == text
    assert called(pieces[0], {}, language) == "T-Shirt", "what has no other name keeps its own"


@pytest.mark.parametrize(
    "value,chinese",
    [("XL", "XL"), ("large", "大号"), ("8 inches", "8英寸"), ("75ft", "75英尺"), ("2 cups", "2杯"), ("300ml", "300ml")],
)  # fmt: skip
def test_sizes_are_said_in_chinese_as_people_write_them(value: str, chinese: str) -> None:
    assert option(value, "zh") == chinese
    assert option(value, "en") == value


def test_a_day_is_written_as_customers_read_it() -> None:
    assert day("2026-12-06", "en") == "6 December 2026"
    assert day("2026-12-06", "zh") == "2026年12月6日"

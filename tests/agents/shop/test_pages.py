"""What the pages for customers state and what the rules do is the same: each rule is read from its page."""

import re
from typing import get_args

import pytest

from agents.orders.rules import REFUND_LIMIT, refund_needs_approval
from agents.shop import rules
from agents.shop.accounts import OrderAccount, PostalAddress, Status
from agents.shop.requests import (
    Cancel,
    Exchange,
    ModifyItems,
    ModifyOrderAddress,
    ModifyPayment,
    Request,
    Return,
)
from agents.shop.rules import RuleViolation, perform
from agents.support.knowledge.documents import STAFF
from agents.support.knowledge.retrieve import CUSTOMERS, readable
from agents.support.models import Language
from tests.agents.support.dialogue.shop import CUSTOMER, GOODS, HOME, order

SHIRT, BLUE = "10000001", "10000002"
NUMBERS = {"two": 2, "three": 3, "five": 5, "thirty": 30, "ten thousand": 10_000,
           "两": 2, "五": 5, "三十": 30, "一万": 10_000}  # fmt: skip
WEEK, WORKING_DAYS = 7, 5
LANGUAGES = get_args(Language)
BACK = Return(order="A100", pieces=(SHIRT,), method="card")


def page(language: Language, document: str, audience: str = CUSTOMERS) -> str:
    """The text of a page that this audience may read."""
    found = [p for p in readable(language, audience) if f"/{document}." in p.document]
    return " ".join(passage.text for passage in found)


def stated(text: str, pattern: str) -> int:
    """The number at the gap of the pattern."""
    words = "|".join((*sorted(NUMBERS, key=len, reverse=True), r"\d+"))
    found = re.search(pattern.replace("{}", f"({words})"), text, re.IGNORECASE)
    assert found is not None, pattern
    return NUMBERS.get(found[1].lower()) or int(found[1])


def refused_by(request: Request, account: OrderAccount) -> str:
    """The rule that refuses the request; "" if it is done."""
    try:
        perform(request, CUSTOMER, account, GOODS)
    except RuleViolation as error:
        return error.rule
    return ""


def shipped(days: int) -> OrderAccount:
    """An order that was shipped so many days ago."""
    return order("A100", "delivered").model_copy(update={"days": days})


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_item_can_be_returned_or_exchanged_within_the_stated_days_after_delivery(
    language: Language,
) -> None:
    window = {"en": "within {} days after delivery", "zh": "收货后{}天内"}[language]
    longest = {"en": "two to {} working days", "zh": "两到{}个工作日送达"}[language]
    days = stated(page(language, "returns"), window)
    delivery = stated(page(language, "shipping"), longest)
    last = days + delivery * WEEK // WORKING_DAYS  # counted from shipping
    assert refused_by(BACK, shipped(last)) == ""
    assert refused_by(BACK, shipped(last + 1)) == "return-window"
    assert refused_by(BACK, shipped(14 * 30)) == "return-window"
    swaps = {"en": f"{window} an item can be exchanged", "zh": f"{window}[^。]*可以更换一次"}
    assert stated(page(language, "returns"), swaps[language]) == days
    swap = Exchange(order="A100", pieces=(SHIRT,), new=(BLUE,), method="card")
    assert refused_by(swap, shipped(last)) == ""
    assert refused_by(swap, shipped(last + 1)) == "return-window"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_order_can_be_cancelled_until_it_has_left_or_its_goods_were_changed(
    language: Language,
) -> None:
    text = page(language, "orders")
    assert {
        "en": "An order changed like this cannot be cancelled here",
        "zh": "改过商品的订单不能在这里取消",
    }[language] in text
    states: dict[Status, str] = {
        "pending": "", "pending (items modified)": "not-pending", "delivered": "not-pending",
        "cancelled": "not-pending",
    }  # fmt: skip
    for status, rule in states.items():
        assert refused_by(Cancel(order="A100"), order("A100", status)) == rule


@pytest.mark.parametrize("language", LANGUAGES)
def test_goods_are_changed_once_before_shipping_and_exchanged_once_after_it(
    language: Language,
) -> None:
    once = {"en": ("changed once", "exchanged once"), "zh": ("规格一次", "更换一次")}[language]
    assert once[0] in page(language, "orders")
    assert once[1] in page(language, "returns")
    change = ModifyItems(order="A100", pieces=(SHIRT,), new=(BLUE,), method="card")
    assert refused_by(change, order("A100", "pending")) == ""
    for status in ("pending (items modified)", "delivered"):
        assert refused_by(change, order("A100", status)) == "not-pending"
    exchange = Exchange(order="A100", pieces=(SHIRT,), new=(BLUE,), method="card")
    assert refused_by(exchange, order("A100", "delivered")) == ""
    for status in ("exchange requested", "return requested", "pending"):
        assert refused_by(exchange, order("A100", status)) == "not-delivered"  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_order_is_shipped_within_the_country_only(language: Language) -> None:
    sentence = {"en": "we ship within the country only", "zh": "我们只在国内配送"}[language]
    assert sentence in page(language, "shipping")
    abroad = PostalAddress(line1="1 Rue A", city="Paris", postal_code="75001", country="FR")
    pending = order("A100", "pending")
    assert refused_by(ModifyOrderAddress(order="A100", address=abroad), pending) == "abroad"
    near = HOME.model_copy(update={"line1": "9 Oak St"})
    assert refused_by(ModifyOrderAddress(order="A100", address=near), pending) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gift_card_covers_the_whole_amount_and_money_goes_back_to_it_or_to_what_paid(
    language: Language,
) -> None:
    covers = {"en": "must cover the whole amount", "zh": "必须够付全部金额"}[language]
    back = {"en": "to the method that paid or to a gift card", "zh": "退回原付款方式或礼品卡"}[
        language
    ]
    assert covers in page(language, "payments")
    assert back in page(language, "returns")
    dear = order("A100", "pending")
    more = dear.movements[0].model_copy(update={"amount": 5_001})
    dear = dear.model_copy(update={"movements": (more,)})
    assert refused_by(ModifyPayment(order="A100", method="gift"), dear) == "low-balance"
    by_gift = order("A100", "delivered").movements[0].model_copy(update={"method": "gift"})
    paid_by_gift = order("A100", "delivered").model_copy(update={"movements": (by_gift,)})
    assert refused_by(BACK, paid_by_gift) == "not-original-method"
    to_gift = BACK.model_copy(update={"method": "gift"})
    assert refused_by(to_gift, order("A100", "delivered")) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refund_above_the_limit_of_the_staff_page_needs_a_person(language: Language) -> None:
    above = {"en": "refunds above {} in", "zh": "超过{}的退款"}[language]
    limit = stated(page(language, "staff", STAFF), above)
    assert limit == REFUND_LIMIT
    assert not refund_needs_approval(limit * 100, "USD")
    assert refund_needs_approval(limit * 100 + 1, "USD")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_but_the_customer_who_placed_an_order_can_change_it(language: Language) -> None:
    only = {"en": "Only the customer who placed it", "zh": "只有下单的客户本人"}[language]
    assert only in page(language, "privacy")
    other = order("A100", "pending").model_copy(update={"customer": "v"})
    for kind in rules.NEEDED_STATUS:
        request = {
            "cancel": Cancel(order="A100"),
            "return": BACK,
            "exchange": Exchange(order="A100", pieces=(SHIRT,), new=(BLUE,), method="card"),
            "modify_items": ModifyItems(order="A100", pieces=(SHIRT,), new=(BLUE,), method="card"),
            "modify_payment": ModifyPayment(order="A100", method="gift"),
            "modify_order_address": ModifyOrderAddress(order="A100", address=HOME),
        }[kind]
        assert refused_by(request, other) == "unknown-order"  # type: ignore[arg-type]

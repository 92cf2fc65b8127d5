"""What customers may do to their orders; money is conserved by whatever is allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shop.accounts import CustomerAccount, OrderAccount, Status
from agents.shop.requests import (
    Cancel,
    Exchange,
    ModifyCustomerAddress,
    ModifyItems,
    ModifyOrderAddress,
    ModifyPayment,
    Request,
    Return,
)
from agents.shop.rules import Accounts, RuleViolation, perform
from tests.agents.support.dialogue.shop import CUSTOMER, GOODS, HOME, order

SHIRT, BLUE, LARGE, LAMP = "10000001", "10000002", "10000003", "20000001"


def done(request: Request, status: Status) -> Accounts:
    return perform(request, CUSTOMER, order("A100", status), GOODS)


def changed(request: Request, status: Status) -> OrderAccount:
    _, account = done(request, status)
    assert account is not None
    return account


def test_cancelling_gives_back_what_was_paid() -> None:
    account = changed(Cancel(order="A100"), "pending")
    assert account.status == "cancelled"
    assert [(m.kind, m.amount, m.method) for m in account.movements] == [
        ("payment", 4_000, "card"), ("refund", 4_000, "card"),
    ]  # fmt: skip


def test_pieces_are_changed_at_their_own_price_and_the_gift_card_pays() -> None:
    request = ModifyItems(order="A100", pieces=(SHIRT,), new=(BLUE,), method="gift")
    customer, account = done(request, "pending")
    assert account is not None
    assert [piece.sku for piece in account.pieces] == [BLUE, LAMP]
    assert account.total == 4_200
    assert customer.methods["gift"].balance == 4_800


def test_an_exchange_is_written_down_with_its_difference() -> None:
    asked = changed(
        Exchange(order="A100", pieces=(SHIRT,), new=(LARGE,), method="card"), "delivered"
    ).after_sales
    assert asked is not None
    assert (asked.new, asked.difference) == ((LARGE,), 100)


def test_addresses_and_ways_of_paying() -> None:
    new = HOME.model_copy(update={"line1": "9 Oak St"})
    assert changed(ModifyOrderAddress(order="A100", address=new), "pending").address == new
    customer, _ = perform(ModifyCustomerAddress(address=new), CUSTOMER, None, GOODS)
    assert customer.address == new
    customer, account = done(ModifyPayment(order="A100", method="gift"), "pending")
    assert account is not None
    assert [m.method for m in account.movements] == ["card", "gift", "card"]
    assert customer.methods["gift"].balance == 1_000


REFUSALS: list[tuple[Request, Status, str]] = [
    (Cancel(order="A100"), "delivered", "not-pending"),
    (Cancel(order="A100"), "pending (items modified)", "not-pending"),
    (Cancel(order="Z900"), "pending", "unknown-order"),
    (Return(order="A100", pieces=(SHIRT,), method="card"), "pending", "not-delivered"),
    (Return(order="A100", pieces=(SHIRT, SHIRT), method="card"), "delivered", "unknown-item"),
    (Return(order="A100", pieces=(SHIRT,), method="other"), "delivered", "unknown-method"),
    (Exchange(order="A100", pieces=(SHIRT,), new=(LAMP,), method="card"), "delivered", "other-product"),
    (Exchange(order="A100", pieces=(SHIRT,), new=(BLUE, LARGE), method="card"), "delivered", "one-for-one"),
    (ModifyItems(order="A100", pieces=(SHIRT,), new=(SHIRT,), method="card"), "pending", "same-item"),
    (ModifyPayment(order="A100", method="card"), "pending", "same-method"),
    (ModifyOrderAddress(order="A100", address=HOME), "delivered", "not-pending"),
]  # fmt: skip


@pytest.mark.parametrize("request_,status,rule", REFUSALS)
def test_what_breaks_a_rule_is_refused_by_its_name(
    request_: Request, status: Status, rule: str
) -> None:
    with pytest.raises(RuleViolation) as refused:
        done(request_, status)
    assert refused.value.rule == rule


def test_an_order_of_somebody_else_is_unknown() -> None:
    other = CUSTOMER.model_copy(update={"customer": "v"})
    with pytest.raises(RuleViolation, match="unknown-order"):
        perform(Cancel(order="A100"), other, order("A100", "pending"), GOODS)


def test_money_goes_back_the_way_it_came_or_to_a_gift_card() -> None:
    account = order("A100", "delivered").model_copy(update={"movements": ()})
    with pytest.raises(RuleViolation, match="not-original-method"):
        perform(Return(order="A100", pieces=(SHIRT,), method="card"), CUSTOMER, account, GOODS)
    perform(Return(order="A100", pieces=(SHIRT,), method="gift"), CUSTOMER, account, GOODS)


def test_a_gift_card_pays_no_more_than_it_has() -> None:
    poor = CUSTOMER.methods["gift"].model_copy(update={"balance": 3_999})
    customer = CUSTOMER.model_copy(update={"methods": {**CUSTOMER.methods, "gift": poor}})
    with pytest.raises(RuleViolation, match="low-balance"):
        perform(
            ModifyPayment(order="A100", method="gift"), customer, order("A100", "pending"), GOODS
        )


@given(st.lists(st.sampled_from(["items", "payment", "cancel"]), max_size=4))
def test_what_was_paid_less_what_went_back_is_what_the_order_costs(steps: list[str]) -> None:
    customer: CustomerAccount = CUSTOMER
    account: OrderAccount = order("A100", "pending")
    requests: dict[str, Request] = {
        "items": ModifyItems(order="A100", pieces=(SHIRT,), new=(BLUE,), method="card"),
        "payment": ModifyPayment(order="A100", method="gift"),
        "cancel": Cancel(order="A100"),
    }
    for step in steps:
        try:
            customer, after = perform(requests[step], customer, account, GOODS)
        except RuleViolation:
            continue
        assert after is not None
        account = after
        signed = sum(m.amount * (1 if m.kind == "payment" else -1) for m in account.movements)
        assert signed == (0 if account.status == "cancelled" else account.total)

"""Accounts are read from what the journal holds."""

import json
from types import SimpleNamespace
from typing import Any

from agents.shop.account_view import (
    MOST_ADDRESSES,
    address_keys,
    change_keys,
    customer_account,
    order_account,
)
from agents.shop.requests import Change, ModifyCustomerAddress, Request, Return
from tests.agents.support.dialogue.shop import CUSTOMER, GOODS, HOME

BODY = {
    "order_id": "A100",
    "customer": {"id": "u"},
    "address": HOME.model_dump(),
    "currency": "USD",
    "lines": [{"sku": "10000001", "name": "T-Shirt", "quantity": 2, "unit_price": 1_000}],
    "total": 2_000,
    "payment_method": "pm_gift_card",
}


def item(state: str = "completed", outcome: str | None = "shipped", **more: Any) -> Any:
    told = {"key": "A100", "body": json.dumps(BODY), "cancel_requested": False}
    return SimpleNamespace(**(told | {"state": state, "outcome": outcome} | more))


def change(request: Request, number: int = 1, state: str = "completed") -> Any:
    made = Change(by="u", turn="t", request=request, number=number)
    return SimpleNamespace(
        key=made.key, body=made.model_dump_json(), state=state, outcome=None, cancel_requested=False
    )


def test_an_order_is_told_by_pieces_and_by_who_paid() -> None:
    account = order_account(item(), (), CUSTOMER, GOODS)
    assert (account.status, account.total, len(account.pieces)) == ("delivered", 2_000, 2)
    assert account.pieces[0].product == "shirt"
    assert account.movements[0].method == "gift"


def test_the_status_follows_from_the_state() -> None:
    told = [
        order_account(item(state, outcome, cancel_requested=wanted), (), CUSTOMER, GOODS).status
        for state, outcome, wanted in (
            ("pending", None, False), ("processing", None, True), ("failed", "rejected", False),
            ("completed", "refunded", False), ("dead_lettered", None, False),
        )
    ]  # fmt: skip
    assert told == ["pending", "cancelled", "rejected", "cancelled", "processed"]


def test_a_return_counts_once_it_was_applied() -> None:
    back = Return(order="A100", pieces=("10000001",), method="gift")
    assert order_account(item(), [change(back)], CUSTOMER, GOODS).status == "return requested"
    refused = [change(back, state="failed")]
    assert order_account(item(), refused, CUSTOMER, GOODS).status == "delivered"
    assert change_keys("A100") == ("A100:items", "A100:after-sales")


def test_the_latest_address_holds_and_a_token_that_is_not_known_is_a_method() -> None:
    first, last = (HOME.model_copy(update={"line1": line}) for line in ("2 Elm St", "10 Elm St"))
    told = [
        change(ModifyCustomerAddress(address=last), 10),
        change(ModifyCustomerAddress(address=first), 2),
    ]
    account = customer_account("u", {"u": CUSTOMER}, told, token="pm_paypal")
    assert account.address == last
    assert account.methods["pm_paypal"].token == "pm_paypal"
    assert customer_account("w", {}, ()).address is None
    assert len(address_keys("u")) == MOST_ADDRESSES

"""Accounts are computed from rows of the journal."""

import json
from types import SimpleNamespace
from typing import Any

from agents.orders.account_view import customer_account, order_account
from agents.orders.change import Change
from agents.orders.models import Booked
from agents.shop.accounts import Shipment
from agents.shop.requests import ModifyCustomerAddress, Request, Return
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
    row = {"key": "A100", "body": json.dumps(BODY), "cancel_requested": False, "ended_at": 0.0}
    return SimpleNamespace(**(row | {"state": state, "outcome": outcome} | more))


def change(request: Request, number: int = 1, state: str = "completed") -> Any:
    made = Change(by="u", turn="t", request=request, number=number)
    return SimpleNamespace(
        key=made.key, body=made.model_dump_json(), state=state, outcome=None, cancel_requested=False
    )


def test_an_account_has_the_pieces_and_the_payment_of_its_order() -> None:
    account = order_account(item(), (), CUSTOMER, GOODS)
    assert (account.status, account.total, len(account.pieces)) == ("delivered", 2_000, 2)
    assert account.pieces[0].product == "shirt"
    assert account.movements[0].method == "gift"


def test_the_total_of_an_account_has_the_charges_beside_its_pieces() -> None:
    body = json.dumps(BODY | {"total": 2_490, "charges": 490})
    assert order_account(item(body=body), (), CUSTOMER, GOODS).total == 2_490


def test_the_status_follows_from_the_state() -> None:
    statuses = [
        order_account(item(state, outcome, cancel_requested=wanted), (), CUSTOMER, GOODS).status
        for state, outcome, wanted in (
            ("pending", None, False), ("processing", None, True), ("failed", "rejected", False),
            ("completed", "refunded", False), ("dead_lettered", None, False),
        )
    ]  # fmt: skip
    assert statuses == ["pending", "cancelled", "rejected", "cancelled", "processed"]


def test_its_age_is_counted_in_whole_days_from_the_end_of_its_item() -> None:
    ages = [
        order_account(item(state), (), CUSTOMER, GOODS, at).days
        for state, at in (("completed", 86_399.0), ("completed", 86_400.0), ("pending", 86_400.0))
    ]
    assert ages == [0, 1, None]


def test_a_return_counts_once_it_was_applied() -> None:
    back = Return(order="A100", pieces=("10000001",), method="gift")
    assert order_account(item(), [change(back)], CUSTOMER, GOODS).status == "return requested"
    refused = [change(back, state="failed")]
    assert order_account(item(), refused, CUSTOMER, GOODS).status == "delivered"


def test_the_latest_address_holds_and_a_token_that_is_not_known_is_a_method() -> None:
    first, last = (HOME.model_copy(update={"line1": line}) for line in ("2 Elm St", "10 Elm St"))
    changes = [
        change(ModifyCustomerAddress(address=last), 10),
        change(ModifyCustomerAddress(address=first), 2),
    ]
    account = customer_account("u", {"u": CUSTOMER}, changes, token="pm_paypal")
    assert account.address == last
    assert account.methods["pm_paypal"].token == "pm_paypal"
    assert customer_account("w", {}, ()).address is None


def test_a_change_whose_body_was_pruned_changes_nothing() -> None:
    pruned = change(ModifyCustomerAddress(address=HOME))
    pruned.body = ""
    assert customer_account("u", {"u": CUSTOMER}, [pruned]).address == CUSTOMER.address
    assert order_account(item(), [pruned], CUSTOMER, GOODS).status == "delivered"


def test_its_parcel_and_its_days_are_known_once_it_was_shipped() -> None:
    booked = Booked(carrier="swift", tracking_id="SW1")
    sent = order_account(item(), (), CUSTOMER, GOODS, 0.0, booked)
    assert sent.shipment == Shipment(carrier="swift", tracking="SW1")
    assert (sent.arrives_by, sent.returnable_until) == ("1970-01-08", "1970-02-07")
    waiting = order_account(item("pending", ended_at=None), (), CUSTOMER, GOODS, 0.0)
    assert (waiting.shipment, waiting.arrives_by, waiting.returnable_until) == (None, "", "")


def test_the_day_that_the_carrier_has_promised_is_known_until_it_is_over() -> None:
    booked = Booked(carrier="swift", tracking_id="SW1", arrives_on="1970-01-03")
    days = [
        order_account(item(), (), CUSTOMER, GOODS, at, booked).shipment
        for at in (0.0, 3 * 86_400.0 - 1, 3 * 86_400.0)
    ]
    assert [one.arrives_on for one in days if one] == ["1970-01-03", "1970-01-03", ""]

"""Accounts as the journal tells them: an order's item, and the changes that were carried through."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from agents.shop.accounts import (
    AfterSales,
    CustomerAccount,
    Kind,
    Method,
    Movement,
    OrderAccount,
    Piece,
    PostalAddress,
    Status,
    Variant,
)
from agents.shop.requests import Change, Exchange, ModifyCustomerAddress, Return

MOST_ADDRESSES = 64  # changes of a customer's address; the next one is for a person
COMPLETED = "completed"
STATUS: Mapping[str, Status] = {
    "pending": "pending",
    "waiting": "pending",
    "processing": "pending",
    "compensating": "cancelled",
    "compensated": "cancelled",
    "cancelled": "cancelled",
    "completed": "delivered",
    "failed": "rejected",
    "dead_lettered": "processed",
}


class Told(Protocol):
    """An item as the journal has it."""

    @property
    def key(self) -> Any: ...  # noqa: D102
    @property
    def body(self) -> Any: ...  # noqa: D102
    @property
    def state(self) -> Any: ...  # noqa: D102
    @property
    def outcome(self) -> Any: ...  # noqa: D102
    @property
    def cancel_requested(self) -> Any: ...  # noqa: D102


def change_keys(order: str) -> tuple[str, ...]:
    """The names of the changes that an order can see once."""
    return tuple(f"{order}:{what}" for what in ("items", "after-sales"))


def address_keys(customer: str) -> tuple[str, ...]:
    """The names of a customer's changes of address, the first one first."""
    return tuple(f"{customer}:address:{n}" for n in range(1, MOST_ADDRESSES + 1))


def order_account(
    item: Told, changes: Sequence[Told], customer: CustomerAccount, goods: Mapping[str, Variant]
) -> OrderAccount:
    """The order of that customer as it stands."""
    body = orjson.loads(item.body)
    account = OrderAccount(
        order=body["order_id"],
        customer=body["customer"]["id"],
        status=_status(item),
        address=PostalAddress.model_validate(body["address"]),
        pieces=tuple(_pieces(body["lines"], goods)),
    )
    paid = Movement(
        kind="payment", amount=body["total"], method=_method(customer, body["payment_method"])
    )
    account = account.model_copy(update={"movements": (paid,)})
    for told in changes:
        if told.state == COMPLETED:
            account = _changed(account, Change.model_validate_json(told.body))
    return account


def customer_account(
    name: str, known: Mapping[str, CustomerAccount], addresses: Sequence[Told], token: str = ""
) -> CustomerAccount:
    """The customer as it stands, with a method for the `token` that an order is paid by."""
    account = known.get(name) or CustomerAccount(customer=name)
    for told in sorted(addresses, key=_number):
        request = Change.model_validate_json(told.body).request
        if told.state == COMPLETED and isinstance(request, ModifyCustomerAddress):
            account = account.model_copy(update={"address": request.address})
    if token and all(method.token != token for method in account.methods.values()):
        is_gift = token == "pm_gift_card"  # noqa: S105 - no secret
        kind: Kind = "gift_card" if is_gift else "credit_card"
        method = Method(id=token, kind=kind, token=token)
        account = account.model_copy(update={"methods": {**account.methods, token: method}})
    return account


def _number(told: Told) -> int:
    return int(str(told.key).rpartition(":")[2])


def _status(item: Told) -> Status:
    if item.cancel_requested or item.outcome == "refunded":
        return "cancelled"
    return STATUS[str(item.state)]


def _method(customer: CustomerAccount, token: str) -> str:
    return next((m.id for m in customer.methods.values() if m.token == token), token)


def _pieces(lines: Sequence[Mapping[str, Any]], goods: Mapping[str, Variant]) -> list[Piece]:
    return [
        Piece(
            sku=line["sku"],
            product=goods[line["sku"]].product if line["sku"] in goods else line["sku"],
            name=line["name"],
            price=line["unit_price"],
        )
        for line in lines
        for _ in range(line["quantity"])
    ]


def _changed(account: OrderAccount, change: Change) -> OrderAccount:
    request = change.request
    if isinstance(request, Return):
        asked = AfterSales(pieces=request.pieces, method=request.method)
        return account.model_copy(update={"status": "return requested", "after_sales": asked})
    if isinstance(request, Exchange):
        asked = AfterSales(pieces=request.pieces, new=request.new, method=request.method)
        return account.model_copy(update={"status": "exchange requested", "after_sales": asked})
    if account.status == "pending":
        return account.model_copy(update={"status": "pending (items modified)"})
    return account

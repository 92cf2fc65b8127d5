"""Accounts from rows of the journal: an order's item, and the changes of it that were applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from agents.orders.change import Change
from agents.orders.models import Booked
from agents.shop.accounts import (
    AfterSales,
    CustomerAccount,
    Kind,
    Method,
    Movement,
    OrderAccount,
    Piece,
    PostalAddress,
    Shipment,
    Status,
    Variant,
)
from agents.shop.requests import Exchange, ModifyCustomerAddress, Return
from agents.shop.rules import DELIVERY_DAYS, RETURN_DAYS

COMPLETED = "completed"
DAY = 86_400
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


class ItemRow(Protocol):
    """A row of the journal's table of items; the body is empty once the item is pruned."""

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
    @property
    def ended_at(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Settled:
    """A return was settled at that time: `back` minor units, less than 0 from the customer.

    `arrived` are its pieces that have come back, `parcels` the bookings of new ones.
    """

    back: int
    at: float
    arrived: tuple[str, ...] = ()
    parcels: tuple[Booked, ...] = ()

    def with_more(self, more: "Settled") -> "Settled":
        """Both together, for goods that arrived apart."""
        return Settled(
            self.back + more.back,
            max(self.at, more.at),
            (*self.arrived, *more.arrived),
            (*self.parcels, *more.parcels),
        )


def order_account(  # noqa: PLR0913 - all that an account follows from
    item: ItemRow,
    changes: Sequence[ItemRow],
    customer: CustomerAccount,
    goods: Mapping[str, Variant],
    at: float | None = None,
    booked: Booked | None = None,
    settled: Settled | None = None,
) -> OrderAccount:
    """The account of one order of that customer, with its `changes` applied.

    `at` is the moment, in seconds since 1970, for which its age is counted; without it there is no age.
    `booked` is the booking of its parcel, `settled` the money of its return, if there is one.
    """
    body = orjson.loads(item.body)
    account = OrderAccount(
        order=body["order_id"],
        customer=body["customer"]["id"],
        status=_status(item),
        address=PostalAddress.model_validate(body["address"]),
        currency=body["currency"],
        pieces=tuple(_pieces(body["lines"], goods)),
        charges=body.get("charges", 0),
        days=_days(item, at) if at is not None else None,
        shipment=_shipment(booked, at) if booked else None,
        arrives_by=_day(item, DELIVERY_DAYS),
        returnable_until=_day(item, DELIVERY_DAYS + RETURN_DAYS),
    )
    paid = Movement(
        kind="payment", amount=body["total"], method=_method(customer, body["payment_method"])
    )
    account = account.model_copy(update={"movements": (paid,)})
    for change in _applied(changes):
        account = _changed(account, change)
    return _with_settlement(account, settled, at) if settled is not None else account


def customer_account(
    name: str, known: Mapping[str, CustomerAccount], addresses: Sequence[ItemRow], token: str = ""
) -> CustomerAccount:
    """The customer's account, with the latest address and a method for the `token` of an order."""
    account = known.get(name) or CustomerAccount(customer=name)
    for change in sorted(_applied(addresses), key=lambda change: change.number):
        if isinstance(change.request, ModifyCustomerAddress):
            account = account.model_copy(update={"address": change.request.address})
    if token and all(method.token != token for method in account.methods.values()):
        is_gift = token == "pm_gift_card"  # noqa: S105 - no secret
        kind: Kind = "gift_card" if is_gift else "credit_card"
        method = Method(id=token, kind=kind, token=token)
        account = account.model_copy(update={"methods": {**account.methods, token: method}})
    return account


def _applied(rows: Sequence[ItemRow]) -> list[Change]:
    """The changes that were carried out, except those whose body was pruned."""
    return [
        Change.model_validate_json(row.body) for row in rows if row.state == COMPLETED and row.body
    ]


def _status(item: ItemRow) -> Status:
    if item.cancel_requested or item.outcome == "refunded":
        return "cancelled"
    return STATUS[str(item.state)]


def _days(item: ItemRow, at: float) -> int | None:
    """Whole days since the order was shipped; None for an order that was not."""
    if item.state != COMPLETED or item.ended_at is None:
        return None
    return int((at - item.ended_at) // DAY)


def _day(item: ItemRow, days: int) -> str:
    """The day that many days after the order was shipped; "" for an order that was not."""
    if item.state != COMPLETED or item.ended_at is None:
        return ""
    return _date(item.ended_at + days * DAY)


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


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


def _shipment(booked: Booked, at: float | None) -> Shipment:
    ahead = at is not None and booked.arrives_on >= _date(at)
    arrives_on = booked.arrives_on if ahead else ""
    return Shipment(carrier=booked.carrier, tracking=booked.tracking_id, arrives_on=arrives_on)


def _with_settlement(account: OrderAccount, settled: Settled, at: float | None) -> OrderAccount:
    """The account with the money that was paid for goods that came back, and the new ones."""
    if account.after_sales is None:
        return account
    after = account.after_sales.model_copy(
        update={
            "settled_on": _date(settled.at),
            "arrived": tuple(sorted(settled.arrived)),
            "parcels": tuple(_shipment(one, at) for one in settled.parcels),
        }
    )
    moved = Movement(
        kind="refund" if settled.back > 0 else "payment",
        amount=abs(settled.back),
        method=after.method,
    )
    movements = (*account.movements, moved) if settled.back else account.movements
    return account.model_copy(update={"after_sales": after, "movements": movements})


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

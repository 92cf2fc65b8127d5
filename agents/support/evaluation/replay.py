"""The expected actions of the benchmark's retail tasks, done by our rules and by the benchmark's tools.

Both start with the same accounts and must end with the same accounts. There is one known difference: when
the benchmark replaces several pieces at once, it gives all of them the options and the price of the last
piece. Here each piece keeps its own, so the benchmark's pieces are read again by SKU before comparing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.shop.accounts import (
    AfterSales,
    CustomerAccount,
    Method,
    Movement,
    OrderAccount,
    Piece,
    PostalAddress,
    Variant,
)
from agents.shop.requests import REQUESTS, Request
from agents.shop.rules import RuleViolation, perform
from agents.support.evaluation.tau2 import Action, Task, retail_data, retail_tasks, retail_tools

KINDS = {
    "cancel_pending_order": "cancel",
    "return_delivered_order_items": "return",
    "exchange_delivered_order_items": "exchange",
    "modify_pending_order_items": "modify_items",
    "modify_pending_order_payment": "modify_payment",
    "modify_pending_order_address": "modify_order_address",
    "modify_user_address": "modify_customer_address",
}
FIELDS = {
    "order_id": "order",
    "item_ids": "pieces",
    "new_item_ids": "new",
    "payment_method_id": "method",
    "reason": "reason",
}
COUNTRIES = {"USA": "US"}  # as ISO 3166 has it
ITEMS_MODIFIED = "pending (item modified)"


@dataclass(slots=True)
class Shop:
    """All accounts of the shop in their present state."""

    customers: dict[str, CustomerAccount]
    orders: dict[str, OrderAccount]
    catalogue: Mapping[str, Variant]

    def do(self, user: str, request: Request) -> None:
        """Perform the request of a user. Raises RuleViolation."""
        number = getattr(request, "order", "")
        customer, order = perform(
            request, self.customers[user], self.orders.get(number), self.catalogue
        )
        self.customers[user] = customer
        if order is not None:
            self.orders[number] = order


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a task: `same` if both ends are equal, requests `done`, and those `refused` by us."""

    task: str
    same: bool
    done: int
    refused: tuple[str, ...]


def replay_all() -> list[Replay]:
    """Replay every task, each from the benchmark's original accounts. Raises NotInstalled."""
    data = retail_data()
    begun, tasks = shop_of(data), retail_tasks()
    with retail_tools(data) as theirs:
        before = theirs.db.model_copy(deep=True)
        return [_replay(task, begun, theirs, before) for task in tasks]


def ends_of(tasks: Sequence[Task]) -> dict[str, Shop]:
    """For each task the accounts that the benchmark's own tools leave. Raises NotInstalled."""
    data = retail_data()
    begun = shop_of(data)
    with retail_tools(data) as theirs:
        before = theirs.db.model_copy(deep=True)
        ends = dict[str, Shop]()
        for task in tasks:
            for action in task.actions:
                if action.changes:
                    _call(theirs, action)
            ends[task.id] = _end(begun, theirs, before)
        return ends


def _replay(task: Task, begun: Shop, theirs: Any, before: Any) -> Replay:
    ours = Shop(dict(begun.customers), dict(begun.orders), begun.catalogue)
    done, refused = 0, []
    for action in task.actions:
        if not action.changes:
            continue
        user = action.arguments.get("user_id") or _owner(ours, action)
        try:
            ours.do(user, request_of(action))
            done += 1
        except RuleViolation as error:
            refused.append(str(error))
        _call(theirs, action)
    left = _end(begun, theirs, before)
    same = (ours.customers, ours.orders) == (left.customers, left.orders)
    return Replay(task.id, same, done, tuple(refused))


def _end(begun: Shop, theirs: Any, before: Any) -> Shop:
    """The accounts as the benchmark's tools have left them, whose data are restored."""
    left = Shop(dict(begun.customers), dict(begun.orders), begun.catalogue)
    for number, order in _changed(theirs.db.orders, before.orders):
        left.orders[number_of(number)] = _order(order, begun.catalogue)
    for name, user in _changed(theirs.db.users, before.users):
        left.customers[name] = _customer(user)
    return left


def _changed(now: dict[str, Any], before: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The entries of the benchmark's data that a task has changed; they are restored for the next task."""
    changed = [(name, entry) for name, entry in now.items() if entry != before[name]]
    for name, _ in changed:
        now[name] = before[name].model_copy(deep=True)
    return [(name, entry.model_dump()) for name, entry in changed]


def request_of(action: Action) -> Request:
    """The request that corresponds to an action of the benchmark."""
    given = action.arguments
    fields = {ours: given[theirs] for theirs, ours in FIELDS.items() if theirs in given}
    if "order" in fields:
        fields["order"] = number_of(fields["order"])
    if "address1" in given:
        fields["address"] = _address(given).model_dump()
    return REQUESTS.validate_python({"kind": KINDS[action.name]} | fields)


def _call(tools: Any, action: Action) -> None:
    try:
        getattr(tools, action.name)(**action.arguments)
    except ValueError:
        return  # an expected action that the benchmark itself refuses changes nothing


def _owner(shop: Shop, action: Action) -> str:
    return shop.orders[number_of(action.arguments["order_id"])].customer


def shop_of(data: Mapping[str, Any]) -> Shop:
    """The benchmark's data in the form of our accounts."""
    catalogue = {
        sku: Variant(
            sku=sku,
            product=product["product_id"],
            name=product["name"],
            price=_cents(variant["price"]),
            options=variant["options"],
            available=variant["available"],
        )
        for product in data["products"].values()
        for sku, variant in product["variants"].items()
    }
    customers = {name: _customer(user) for name, user in data["users"].items()}
    orders = {number_of(name): _order(order, catalogue) for name, order in data["orders"].items()}
    return Shop(customers, orders, catalogue)


def number_of(name: str) -> str:
    """The number of an order as our shop writes it: "W2378156" for "#W2378156"."""
    return name.removeprefix("#")


def _customer(user: Mapping[str, Any]) -> CustomerAccount:
    methods = {
        name: Method(
            id=name,
            kind=method["source"],
            token=name,
            balance=_cents(method["balance"]) if "balance" in method else None,
        )
        for name, method in user["payment_methods"].items()
    }
    return CustomerAccount(
        customer=user["user_id"], address=_address(user["address"]), methods=methods
    )


def _order(order: Mapping[str, Any], catalogue: Mapping[str, Variant]) -> OrderAccount:
    modified = order["status"] == ITEMS_MODIFIED
    return OrderAccount(
        order=number_of(order["order_id"]),
        customer=order["user_id"],
        status="pending (items modified)" if modified else order["status"],
        address=_address(order["address"]),
        pieces=tuple(_piece(item, catalogue if modified else {}) for item in order["items"]),
        movements=tuple(
            Movement(
                kind=p["transaction_type"],
                amount=_cents(p["amount"]),
                method=p["payment_method_id"],
            )
            for p in order["payment_history"]
        ),
        cancelled_for=order.get("cancel_reason") or "",
        after_sales=_after_sales(order),
    )


def _piece(item: Mapping[str, Any], catalogue: Mapping[str, Variant]) -> Piece:
    known = catalogue.get(item["item_id"])
    price = known.price if known is not None else _cents(item["price"])
    return Piece(sku=item["item_id"], product=item["product_id"], name=item["name"], price=price)


def _after_sales(order: Mapping[str, Any]) -> AfterSales | None:
    if order.get("return_items"):
        return AfterSales(
            pieces=tuple(order["return_items"]), method=order["return_payment_method_id"]
        )
    if order.get("exchange_items"):
        return AfterSales(
            pieces=tuple(order["exchange_items"]),
            new=tuple(order["exchange_new_items"]),
            method=order["exchange_payment_method_id"],
            difference=_cents(order["exchange_price_difference"]),
        )
    return None


def _address(theirs: Mapping[str, str]) -> PostalAddress:
    return PostalAddress(
        line1=theirs["address1"],
        line2=theirs["address2"],
        city=theirs["city"],
        state=theirs["state"],
        postal_code=theirs["zip"],
        country=COUNTRIES.get(theirs["country"], theirs["country"]),
    )


def _cents(amount: float) -> int:
    return round(amount * 100)

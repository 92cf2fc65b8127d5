"""Apply: a change that a customer asks for is made by the shop's rules, or refused."""

from collections import Counter
from dataclasses import replace
from typing import Any

import orjson

from agents.orders.account_view import customer_account, order_account
from agents.orders.change import Change, address_keys, change_keys
from agents.orders.models import Applied
from agents.orders.rules import (
    TooLate,
    refund_needs_approval,
    require_changeable_by_customer,
)
from agents.orders.scenario import CHANGES, ORDERS
from agents.runtime.context import runtime
from agents.runtime.errors import IllegalTransition, Parked
from agents.runtime.execution.agent import EffectKey
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.operator_actions import OperatorAction, cancel, edit
from agents.runtime.journal.queries import item_history, named
from agents.runtime.model.item import Decision
from agents.runtime.model.policies import EFFECT, Lookup
from agents.shop.accounts import CustomerAccount, OrderAccount
from agents.shop.catalogue import catalogue, customers
from agents.shop.requests import (
    Cancel,
    ModifyItems,
    ModifyOrderAddress,
    ModifyPayment,
    Return,
)
from agents.shop.rules import RuleViolation, perform
from agents.workflow.money import format_money

BY_CUSTOMER = replace(ORDERS, allow_edit=require_changeable_by_customer)


async def find_applied(change: Change, key: EffectKey) -> Applied | None:
    """What the order's history says; a change without an order's item is safe to repeat."""
    order = getattr(change.request, "order", "")
    found = await item_history(runtime().journal, ORDERS.name, order)
    events = found.history if found else ()
    written = any(_reason(key) in (row.detail or "") for row in events)
    return Applied(status="changed") if written else None


@agent(EFFECT, settle=Lookup(find_applied))
async def apply_change(change: Change, decision: Decision | None, key: EffectKey) -> Applied:
    """Make the change. Raises RuleViolation (permanent).

    A return that is worth much waits for a person first, as a large refund does.
    """
    customer, before, body = await _accounts(change)
    _, after = perform(change.request, customer, before, catalogue())
    if before is None or after is None:
        return Applied(status="changed")
    worth = _value_of_return(change, before)
    if decision is None and refund_needs_approval(worth, body["currency"]):
        raise Parked(f"{change.request.kind} of {format_money(worth, body['currency'])}?")
    await _write(change, before, _body(change, customer, after, body), key)
    return Applied(status=after.status)


async def _accounts(change: Change) -> tuple[CustomerAccount, OrderAccount | None, dict[str, Any]]:
    """The customer and the order as they are now, and the order's body."""
    here = runtime()
    addresses = await named(here.journal, CHANGES.name, address_keys(change.by))
    order = getattr(change.request, "order", "")
    items = (await named(here.journal, ORDERS.name, [order])) if order else ()
    if not items or not items[0].body:
        return customer_account(change.by, customers(), addresses), None, {}
    changes = await named(here.journal, CHANGES.name, change_keys(order))
    body: dict[str, Any] = orjson.loads(items[0].body)
    customer = customer_account(change.by, customers(), addresses, body["payment_method"])
    return customer, order_account(items[0], changes, customer, catalogue()), body


def _value_of_return(change: Change, order: OrderAccount) -> int:
    """How much money a return gives back."""
    if not isinstance(change.request, Return):
        return 0
    left = Counter(change.request.pieces)
    worth = 0
    for piece in order.pieces:
        if left[piece.sku] > 0:
            left[piece.sku] -= 1
            worth += piece.price
    return worth


async def _write(change: Change, before: OrderAccount, body: dict[str, Any], key: str) -> None:
    """Write the change to the order's own item; a return or an exchange comes after it has ended."""
    action = OperatorAction(ORDERS.name, before.order, f"customer {change.by}", _reason(key))
    try:
        if isinstance(change.request, Cancel):
            await cancel(runtime().journal, action)
        elif isinstance(change.request, ModifyItems | ModifyPayment | ModifyOrderAddress):
            await edit(runtime().journal, action, BY_CUSTOMER.checked(before.order, body))
    except (IllegalTransition, TooLate) as error:
        raise RuleViolation("too-late", before.order) from error


def _body(
    change: Change, customer: CustomerAccount, order: OrderAccount, body: dict[str, Any]
) -> dict[str, Any]:
    """The order's body with what the request changes."""
    match change.request:
        case ModifyOrderAddress(address=address):
            return body | {"address": address.model_dump()}
        case ModifyPayment(method=method):
            return body | {"payment_method": customer.methods[method].token}
        case ModifyItems():
            return body | {"lines": _lines(order), "total": order.total}
    return body


def _lines(order: OrderAccount) -> list[dict[str, Any]]:
    counted = Counter((piece.sku, piece.name, piece.price) for piece in order.pieces)
    return [
        {"sku": sku, "name": name, "quantity": n, "unit_price": price}
        for (sku, name, price), n in counted.items()
    ]


def _reason(key: str) -> str:
    return f"asked for in {key}"

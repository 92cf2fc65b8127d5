"""Apply a change that a customer has requested, or refuse it by a rule of the shop."""

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
from agents.runtime import EFFECT, Decision, EffectKey, Lookup, Parked, agent, runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.operator_actions import OperatorAction, cancel, edit
from agents.runtime.journal.queries import item_history, named
from agents.shop.accounts import CustomerAccount, OrderAccount
from agents.shop.catalogue import catalogue, customers
from agents.shop.requests import (
    Cancel,
    Exchange,
    ModifyItems,
    ModifyOrderAddress,
    ModifyPayment,
    Return,
)
from agents.shop.rules import RuleViolation, perform
from agents.workflow.money import format_money

BY_CUSTOMER = replace(ORDERS, allow_edit=require_changeable_by_customer)


async def find_applied(change: Change, key: EffectKey) -> Applied | None:
    """The fact if the order's history has this change; a change of the address has no effect there."""
    order = getattr(change.request, "order", "")
    found = await item_history(runtime().journal, ORDERS.name, order)
    done = found is not None and any(_reason(key) in (row.detail or "") for row in found.history)
    return Applied(status="changed") if done else None


@agent(EFFECT, version="1.2", settle=Lookup(find_applied))
async def apply_change(change: Change, decision: Decision | None, key: EffectKey) -> Applied:
    """Change the order or the account. Raises RuleViolation (permanent), and Parked for a large return.

    A return or an exchange that gives back much money waits until a person approves it, as a large
    refund does.
    """
    customer, before, body = await _accounts(change)
    _, after = perform(change.request, customer, before, catalogue())
    if before is None or after is None:
        return Applied(status="changed")
    back = _back(change, before, after)
    if decision is None and refund_needs_approval(back or 0, body["currency"]):
        raise Parked(f"{change.request.kind} of {format_money(back or 0, body['currency'])}?")
    await _change_order(change, before, _body(change, customer, after, body), key)
    new, goods = change.request.new if isinstance(change.request, Exchange) else (), catalogue()
    prices = tuple(goods[sku].price for sku in new)
    return Applied(status=after.status, back=back, prices=prices)


async def _accounts(change: Change) -> tuple[CustomerAccount, OrderAccount | None, dict[str, Any]]:
    """The accounts of customer and order, and the stored body of the order.

    The order's age is that at the request: a time limit that passes while a person decides is kept.
    """
    here = runtime()
    addresses = await named(here.journal, CHANGES.name, address_keys(change.by))
    order = getattr(change.request, "order", "")
    rows = (await named(here.journal, ORDERS.name, [order])) if order else ()
    if not rows or not rows[0].body:
        return customer_account(change.by, customers(), addresses), None, {}
    changes = await named(here.journal, CHANGES.name, change_keys(order))
    body: dict[str, Any] = orjson.loads(rows[0].body)
    customer = customer_account(change.by, customers(), addresses, body["payment_method"])
    (asked,) = await named(here.journal, CHANGES.name, [change.key])
    order_then = order_account(rows[0], changes, customer, catalogue(), asked.accepted_at)
    return customer, order_then, body


def _back(change: Change, order: OrderAccount, after: OrderAccount) -> int | None:
    """The price of the pieces of a return, or what the new pieces of an exchange cost less.

    It is less than 0 if they cost more, and None for any other change.
    """
    if isinstance(change.request, Exchange) and after.after_sales is not None:
        return -after.after_sales.difference
    if not isinstance(change.request, Return):
        return None
    left = Counter(change.request.pieces)
    refund = 0
    for piece in order.pieces:
        if left[piece.sku] > 0:
            left[piece.sku] -= 1
            refund += piece.price
    return refund


async def _change_order(
    change: Change, before: OrderAccount, body: dict[str, Any], key: str
) -> None:
    """Cancel or edit the item of the order; a return or an exchange comes after the item has ended."""
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
    """The body of the order after the request."""
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

"""Agree a return: what is due for the goods that came back, by what the customer had asked for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from agents.orders.account_view import customer_account
from agents.orders.apply_change import apply_change
from agents.orders.change import Change, change_keys
from agents.orders.models import Applied, Captured, ReturnDue
from agents.orders.payments import capture_payment
from agents.orders.returns import ArrivedGoods
from agents.orders.scenario import CHANGES, ORDERS
from agents.runtime import READ, Decision, Parked, agent, runtime
from agents.runtime.journal.queries import outcomes_of
from agents.runtime.model.lifecycle import State
from agents.shop.catalogue import catalogue, customers
from agents.shop.requests import Exchange, Return


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed about an order: the request, what it gives back if that was kept, and who paid."""

    by: str
    request: Return | Exchange
    applied: Applied
    body: Mapping[str, Any]
    captured: Captured


@agent(READ)
async def agree_return(arrived: ArrivedGoods, decision: Decision | None) -> ReturnDue:
    """The money that is due. Raises Parked for goods that nobody agreed on, or that are not all there.

    A person who approves settles what has arrived of what was agreed.
    """
    agreed = await _agreement(arrived.order)
    if agreed is None:
        raise Parked(f"no return of order {arrived.order} is agreed: agree on it, then approve")
    wanted, here = Counter(agreed.request.pieces), Counter(arrived.pieces)
    pieces = tuple(sorted((wanted & here).elements()))
    if not pieces or (wanted != here and decision is None):
        there = f"{len(pieces)} of {wanted.total()} pieces of order {arrived.order} have arrived"
        other = f", and {(here - wanted).total()} others" if here - wanted else ""
        raise Parked(f"{there}{other}: settle what has arrived?")
    return _due(arrived.order, agreed, pieces)


async def _agreement(order: str) -> Agreement | None:
    """The return or exchange of the order that was applied; None if there is none, or it was pruned."""
    journal, (_, key) = runtime().journal, change_keys(order)
    changes = await outcomes_of(journal, CHANGES.name, [key], apply_change.name)
    orders = await outcomes_of(journal, ORDERS.name, [order], capture_payment.name)
    if not changes or not orders or changes[0].state != State.COMPLETED:
        return None
    change, paid = changes[0], orders[0]
    if not (change.body and change.output and paid.body and paid.output):
        return None
    asked = Change.model_validate_json(change.body)
    if not isinstance(asked.request, Return | Exchange):
        return None
    applied = apply_change.decode(change.output, change.version)
    captured = capture_payment.decode(paid.output, paid.version)
    return Agreement(asked.by, asked.request, applied, orjson.loads(paid.body), captured)


def _due(order: str, agreed: Agreement, pieces: tuple[str, ...]) -> ReturnDue:
    """A return pays the pieces that have arrived, an exchange its difference; at most all that was paid."""
    body, paying = agreed.body, agreed.body["payment_method"]
    prices = {line["sku"]: line["unit_price"] for line in body["lines"]}
    if isinstance(agreed.request, Return):
        back = sum(prices[sku] for sku in pieces)
    elif agreed.applied.back is not None:
        back = agreed.applied.back
    else:  # an earlier release has not kept it, and prices may have changed since
        goods = catalogue()
        back = sum(prices[sku] for sku in agreed.request.pieces)
        back -= sum(goods[sku].price for sku in agreed.request.new)
    back = min(back, agreed.captured.amount)
    methods = customer_account(agreed.by, customers(), (), paying).methods
    known = methods.get(agreed.request.method)
    method = known.token if known else agreed.request.method
    return ReturnDue(
        order=order,
        name=body["customer"]["name"],
        email=body["customer"]["email"],
        currency=body["currency"],
        pieces=pieces,
        back=back,
        payment=agreed.captured.payment,
        method=method,
        by_hand=back > 0 and method != paying,
    )

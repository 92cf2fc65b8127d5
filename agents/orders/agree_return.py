"""Agree a return: what is due for the goods that came back, by what the customer had asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agents.orders.account_view import customer_account
from agents.orders.apply_change import apply_change
from agents.orders.change import Change, change_keys
from agents.orders.models import Address, Applied, Captured, ReturnDue
from agents.orders.payments import capture_payment
from agents.orders.returns import ArrivedGoods
from agents.orders.scenario import CHANGES, ORDERS, RETURNS
from agents.runtime import READ, Decision, Parked, agent, runtime
from agents.runtime.journal.queries import outcomes_below, outcomes_of
from agents.runtime.model.lifecycle import State
from agents.shop.catalogue import catalogue, customers
from agents.shop.requests import Exchange, Return

UNDONE = frozenset({State.FAILED, State.COMPENSATED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed about an order: the request, what it gives back if that was kept, and who paid."""

    by: str
    request: Return | Exchange
    applied: Applied
    body: Mapping[str, Any]
    captured: Captured


@agent(READ, version="1.1")
async def agree_return(arrived: ArrivedGoods, decision: Decision | None) -> ReturnDue:
    """The money and the new goods that are due. Raises Parked for goods that nobody agreed on.

    What arrives in parts is due in parts; what an earlier arrival has brought is not due again. A person
    who approves settles what has arrived of what was agreed.
    """
    agreed = await _agreement(arrived.order)
    if agreed is None:
        raise Parked(f"no return of order {arrived.order} is agreed: agree on it, then approve")
    taken = await _taken(arrived, agreed.request.pieces)
    places = _places(agreed.request.pieces, arrived.pieces, taken)
    others = len(arrived.pieces) - len(places)
    if not places or (others and decision is None):
        open_ = len(agreed.request.pieces) - len(taken)
        there = f"{len(places)} of {open_} pieces of order {arrived.order} have arrived"
        raise Parked(f"{there}, and {others} others: settle what has arrived?")
    return _due(arrived.order, agreed, places, taken)


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


async def _taken(arrived: ArrivedGoods, wanted: Sequence[str]) -> set[int]:
    """The places of the agreed pieces that other arrivals have brought, or will have.

    What was agreed about an arrival counts first; of the others those that were accepted before this
    one, unless they ended without an agreement. Of a pruned arrival nothing is known: it takes all.
    """
    rows = await outcomes_below(runtime().journal, RETURNS.name, [arrived.order], agree_return.name)
    mine = next(row.id for row in rows if row.key == arrived.key)
    taken = set[int]()
    for row in sorted(rows, key=lambda row: (not row.output, row.id)):
        if row.id == mine:
            continue
        if not row.body:
            return set(range(len(wanted)))
        if row.output:
            due = agree_return.decode(row.output, row.version)
            # An earlier release kept the pieces without their places.
            taken.update(due.places or _places(wanted, due.pieces, taken))
        elif row.id < mine and row.state not in UNDONE:
            before = ArrivedGoods.model_validate_json(row.body)
            taken.update(_places(wanted, before.pieces, taken))
    return taken


def _places(wanted: Sequence[str], pieces: Iterable[str], taken: set[int]) -> tuple[int, ...]:
    """The first places of these pieces among the wanted ones that are not taken."""
    left, places = Counter(pieces), []
    for place, sku in enumerate(wanted):
        if place not in taken and left[sku] > 0:
            left[sku] -= 1
            places.append(place)
    return tuple(places)


def _due(order: str, agreed: Agreement, places: tuple[int, ...], taken: set[int]) -> ReturnDue:
    """A return pays the pieces that have arrived, an exchange their difference; at most what is left."""
    body, paying, asked = agreed.body, agreed.body["payment_method"], agreed.request
    prices = {line["sku"]: line["unit_price"] for line in body["lines"]}
    before = sum(prices[asked.pieces[place]] for place in taken)
    back = min(_back(agreed, places, prices), max(0, agreed.captured.amount - before))
    methods = customer_account(agreed.by, customers(), (), paying).methods
    known = methods.get(asked.method)
    method = known.token if known else asked.method
    return ReturnDue(
        order=order,
        name=body["customer"]["name"],
        email=body["customer"]["email"],
        currency=body["currency"],
        pieces=tuple(asked.pieces[place] for place in places),
        back=back,
        payment=agreed.captured.payment,
        method=method,
        by_hand=back > 0 and method != paying,
        places=places,
        new=tuple(asked.new[place] for place in places) if isinstance(asked, Exchange) else (),
        address=Address.model_validate(body["address"]),
    )


def _back(agreed: Agreement, places: tuple[int, ...], prices: Mapping[str, int]) -> int:
    """What the pieces at these places give back; less than 0 if their new ones cost more."""
    asked, applied = agreed.request, agreed.applied
    back = sum(prices[asked.pieces[place]] for place in places)
    if isinstance(asked, Return):
        return back
    if applied.prices:
        return back - sum(applied.prices[place] for place in places)
    # An earlier release has not kept the prices, which may have changed since.
    if applied.back is not None and len(places) == len(asked.pieces):
        return applied.back
    goods = catalogue()
    return back - sum(goods[asked.new[place]].price for place in places)

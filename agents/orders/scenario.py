"""The scenarios of orders, their changes and returns: payload, outcome, messages, metrics and late edits."""

from collections import Counter
from collections.abc import Mapping, Sequence

from agents.orders.change import Change
from agents.orders.models import (
    Applied,
    Authorised,
    Booked,
    Captured,
    ExchangePaid,
    Order,
    PaymentClosed,
    ReturnDue,
    ReturnRefunded,
)
from agents.orders.read_orders import ORDER_RECORDS
from agents.orders.returns import RETURN_RECORDS, ArrivedGoods
from agents.orders.rules import (
    Outcome,
    Settlement,
    customer_message,
    outcome_of,
    require_changeable,
    return_message,
)
from agents.runtime import Item, Notice, Scenario
from agents.runtime.model.batch import reason_of
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import Summary
from agents.workflow.messages import notice
from agents.workflow.money import format_money


def _outcome(item: Item) -> str:
    return outcome_of(item.facts.values())


def _notices(item: Item) -> Sequence[Notice]:
    closed, failure = item.fact(PaymentClosed), item.failure
    outcome = Outcome(item.outcome or Outcome.REJECTED)
    message = customer_message(
        item.payload,
        outcome,
        booked=item.fact(Booked),
        refunded=closed.refunded if closed else None,
        reason=reason_of(failure.error_type, failure.error) if failure else "",
    )
    return [notice(f"order.{outcome}", message)]


def _metrics(item: Item) -> Mapping[str, int]:
    money: Counter[str] = Counter()
    closed, captured = item.fact(PaymentClosed), item.fact(Captured)
    refunded = closed.refunded if closed else 0
    money[f"captured {item.payload.currency}"] += captured.amount if captured else refunded
    money[f"refunded {item.payload.currency}"] += refunded
    return money


def _summary(item: Item) -> Summary:
    order = item.payload
    total = format_money(order.total, order.currency)
    customer = f"{order.customer.name} ({order.customer.id})"
    how, amount = _held(item)
    if not how:
        return Summary(total, customer)
    held = f"{how} {format_money(amount, order.currency)}"
    return Summary(total, customer, held, {order.currency: amount})


def _held(item: Item) -> tuple[str, int]:
    """The customer's money that the shop has, or may have if a call's outcome is unknown."""
    if item.fact(PaymentClosed):
        return "", 0
    if captured := item.fact(Captured):
        return "paid", captured.amount
    total = item.payload.total
    called = {agent for (agent, _), effect in item.effects.items() if effect.status == "intended"}
    if "capture_payment" in called:
        return "perhaps paid", total
    if item.fact(Authorised):
        return "held", total
    return ("perhaps held", total) if "authorise_payment" in called else ("", 0)


def _features(order: Order) -> Mapping[str, float | str]:
    pieces = sum(line.quantity for line in order.lines)
    numbers = {"lines": len(order.lines), "pieces": pieces, "total": order.total}
    return {"kind": order.address.country, "currency": order.currency, **numbers}


ORDERS = Scenario(
    name="orders",
    version="1",
    payload=Order,
    outcome=_outcome,
    notices=_notices,
    metrics=_metrics,
    summary=_summary,
    customer=lambda order: order.customer.id,
    features=_features,
    validate=ORDER_RECORDS.validate,
    allow_edit=require_changeable,
)


def _applied(item: Item) -> str:
    return "applied" if item.fact(Applied) else "refused"


def _asked(item: Item) -> Summary:
    return Summary(customer=item.payload.by)


CHANGES = Scenario(
    name="changes",
    version="1",
    payload=Change,
    outcome=_applied,
    summary=_asked,
    customer=lambda change: change.by,
)
"""Changes that customers request: each is applied, refused, or waits for a person."""


def _settled(item: Item) -> str:
    if item.state != State.COMPLETED:
        return Settlement.REFUSED
    refunded, paid = item.fact(ReturnRefunded), item.fact(ExchangePaid)
    if refunded and refunded.amount:
        return Settlement.REFUNDED
    return Settlement.CHARGED if paid and paid.amount else Settlement.EVEN


def _return_notices(item: Item) -> Sequence[Notice]:
    due, outcome = item.fact(ReturnDue), Settlement(item.outcome or Settlement.REFUSED)
    sent = item.fact(Booked) if outcome is not Settlement.REFUSED else None
    return [notice(f"return.{outcome}", return_message(due, outcome, sent))] if due else []


def _return_metrics(item: Item) -> Mapping[str, int]:
    due, refunded, paid = item.fact(ReturnDue), item.fact(ReturnRefunded), item.fact(ExchangePaid)
    if due is None:
        return {}
    return {
        f"refunded {due.currency}": refunded.amount if refunded else 0,
        f"captured {due.currency}": paid.amount if paid else 0,
    }


def _return_summary(item: Item) -> Summary:
    due = item.fact(ReturnDue)
    if due is None:
        return Summary()
    return Summary(format_money(due.back, due.currency), f"{due.name} ({due.email})")


RETURNS = Scenario(
    name="returns",
    version="1.1",
    payload=ArrivedGoods,
    outcome=_settled,
    notices=_return_notices,
    metrics=_return_metrics,
    summary=_return_summary,
    validate=RETURN_RECORDS.validate,
    in_order=True,  # what an earlier arrival has brought is not paid again
)
"""Goods of returns and exchanges that have arrived: settled in money and new goods, or by a person."""

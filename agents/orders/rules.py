"""Business rules of orders: risk, approval, late changes, outcome and the customer's message."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents.orders.models import (
    Assessed,
    Booked,
    Order,
    PaymentClosed,
    ReturnDue,
    ShipmentCancelled,
)
from agents.runtime.errors import AgentError
from agents.services.notifications.protocol import Message
from agents.workflow.fields import Strict
from agents.workflow.money import exponent, format_money

APPROVAL_THRESHOLD = 70
REFUND_LIMIT = 10_000  # whole units of the currency; beyond it a person decides
MOST_RISK = 100
FREE_MAIL = frozenset(
    {"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "gmx.net", "qq.com", "163.com"}
)
PO_BOX = re.compile(r"\b(p\W{0,2}o\W{0,2}box|post office box|postfach|apartado)\b", re.IGNORECASE)
GIFT_CARD = "pm_gift_card"


@dataclass(frozen=True, slots=True)
class RiskRule:
    """A sign of risk and the points it adds."""

    name: str
    points: int
    applies: Callable[[Order], bool]


def _worth(order: Order, major: int) -> bool:
    """Whether the order is worth at least `major` whole units of its currency."""
    threshold: int = major * 10 ** exponent(order.currency)
    return order.total >= threshold


def _free_mail(order: Order) -> bool:
    return order.customer.email.rpartition("@")[2].lower() in FREE_MAIL


def _po_box(order: Order) -> bool:
    return bool(PO_BOX.search(order.address.line1) or PO_BOX.search(order.address.line2))


RISK_RULES = (
    RiskRule("high-value", 30, lambda order: _worth(order, 3_000)),
    RiskRule("very-high-value", 40, lambda order: _worth(order, 6_500)),
    RiskRule(
        "gift-card-high-value",
        40,
        lambda order: order.payment_method == GIFT_CARD and _worth(order, 5_000),
    ),
    RiskRule(
        "many-pieces-of-one", 40, lambda order: any(line.quantity >= 20 for line in order.lines)
    ),
    RiskRule("many-lines", 20, lambda order: len(order.lines) >= 25),
    RiskRule("free-mail-high-value", 20, lambda order: _free_mail(order) and _worth(order, 3_000)),
    RiskRule("po-box", 20, _po_box),
)


def assess(order: Order) -> Assessed:
    """The order's risk: the points of all rules that apply, at most 100."""
    raised = [rule for rule in RISK_RULES if rule.applies(order)]
    return Assessed(
        risk=min(MOST_RISK, sum(rule.points for rule in raised)),
        reasons=tuple(rule.name for rule in raised),
    )


def needs_approval(assessed: Assessed) -> bool:
    """Whether a person must approve the order first."""
    return assessed.risk >= APPROVAL_THRESHOLD


def refund_needs_approval(amount: int, currency: str) -> bool:
    """Whether a person must approve a refund of `amount` minor units."""
    limit: int = REFUND_LIMIT * 10 ** exponent(currency)
    return amount > limit


class TooLate(AgentError):
    """A correction comes too late: an effect of the order was made with the old value."""

    def __init__(self, order: str, field: str, effect: str) -> None:
        super().__init__(order, field, effect)
        self.order, self.field, self.effect = order, field, effect

    def __str__(self) -> str:
        return (
            f"order {self.order}: {self.field} can no longer change, {self.effect} has been tried: "
            "cancel the order and send a new one"
        )


FIXED_BY = {
    "lines": "reserve_stock",
    "total": "open_payment",
    "currency": "open_payment",
}
FIXED_FOR_CUSTOMERS = FIXED_BY | {"payment_method": "open_payment", "address": "book_shipment"}


def require_changeable(before: Order, after: Order, effects: frozenset[str]) -> None:
    """Raise TooLate if the correction changes a field that an effect of the order was made with."""
    _require(FIXED_BY, before, after, effects)


def require_changeable_by_customer(before: Order, after: Order, effects: frozenset[str]) -> None:
    """The same for a customer's correction, which may not change payment method and address either."""
    _require(FIXED_FOR_CUSTOMERS, before, after, effects)


def _require(
    fixed: Mapping[str, str], before: Order, after: Order, effects: frozenset[str]
) -> None:
    for field, effect in fixed.items():
        if effect in effects and getattr(before, field) != getattr(after, field):
            raise TooLate(after.order_id, field, effect)


class Outcome(StrEnum):
    """How an order ended."""

    SHIPPED = "shipped"
    REFUNDED = "refunded"
    REJECTED = "rejected"


def outcome_of(facts: Iterable[Strict]) -> Outcome:
    """How an order ended, from its facts; a refund counts more than a booking."""
    known = tuple(facts)
    if any(isinstance(fact, PaymentClosed) and fact.refunded > 0 for fact in known):
        return Outcome.REFUNDED
    cancelled = any(isinstance(fact, ShipmentCancelled) for fact in known)
    if not cancelled and any(isinstance(fact, Booked) for fact in known):
        return Outcome.SHIPPED
    return Outcome.REJECTED


SUBJECTS = {
    Outcome.SHIPPED: "Your order {order} is on its way",
    Outcome.REFUNDED: "Your order {order} was cancelled and refunded",
    Outcome.REJECTED: "Your order {order} could not be accepted",
}


def customer_message(
    order: Order,
    outcome: Outcome,
    *,
    booked: Booked | None = None,
    refunded: int | None = None,
    reason: str = "",
) -> Message:
    """The e-mail about the outcome; without `refunded`, in minor units, the total counts as refunded."""
    returned = order.total if refunded is None else refunded
    news = {
        Outcome.SHIPPED: _shipping_news(booked),
        Outcome.REFUNDED: f"We returned {format_money(returned, order.currency)} to your account.",
        Outcome.REJECTED: "We could not accept your order and have taken no money.",
    }[outcome]
    why = _one_line(reason).rstrip(".") if outcome is not Outcome.SHIPPED else ""
    goods = [f"- {line.quantity} x {_one_line(line.name)}" for line in order.lines]
    total = f"Total: {format_money(order.total, order.currency)}"
    parts = [f"Dear {_one_line(order.customer.name)},", news, why and f"Reason: {why}."]
    return Message(
        channel="email",
        to=order.customer.email,
        subject=_one_line(SUBJECTS[outcome].format(order=order.order_id)),
        text="\n\n".join(part for part in [*parts, "\n".join([*goods, total])] if part) + "\n",
    )


class Settlement(StrEnum):
    """How the money of a return or an exchange was settled."""

    REFUNDED = "refunded"
    CHARGED = "charged"
    EVEN = "even"
    REFUSED = "refused"


RETURN_NEWS = {
    Settlement.REFUNDED: "We returned {money} to {where}.",
    Settlement.CHARGED: "Your new goods cost {money} more, which we have charged to {where}.",
    Settlement.EVEN: "Your new goods cost the same, so there is nothing to pay.",
    Settlement.REFUSED: "We cannot settle their money. Please answer this message.",
}


def return_message(due: ReturnDue, settlement: Settlement, sent: Booked | None = None) -> Message:
    """The e-mail about goods that came back: their money, and the parcel of new goods that were `sent`."""
    where = "the method that you have chosen"
    if settlement is Settlement.REFUNDED and not due.by_hand:
        where = "the card or account that you paid with"
    amount = format_money(abs(due.back), due.currency)
    news = RETURN_NEWS[settlement].format(money=amount, where=where)
    if sent is not None and sent.tracking_id:
        carrier, tracking = _one_line(sent.carrier), _one_line(sent.tracking_id)
        news += f" The new goods are on their way with {carrier}, tracking number {tracking}."
    arrived = f"The goods that you sent back for order {_one_line(due.order)} have arrived."
    return Message(
        channel="email",
        to=due.email,
        subject=_one_line(f"Your return of order {due.order}"),
        text="\n\n".join((f"Dear {_one_line(due.name)},", f"{arrived} {news}")) + "\n",
    )


def _shipping_news(booked: Booked | None) -> str:
    if booked is None:
        return "Your order is on its way."
    carrier, tracking = _one_line(booked.carrier), _one_line(booked.tracking_id)
    return f"Your order is on its way with {carrier}, tracking number {tracking}."


def _one_line(text: str) -> str:
    """The text as one line: carriers write some of it, and no part may start a mail header."""
    seen = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text[:400])
    return " ".join("".join(seen).split())[:200]

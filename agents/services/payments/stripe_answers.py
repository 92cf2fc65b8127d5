"""What Stripe's answers say: PaymentIntents, Refunds and Disputes as the protocol's payments.

Nothing is assumed: an answer without a status, an amount or a currency is of an unknown form.
Source: https://docs.stripe.com/api, the pages of these objects and of their lists.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from agents.services.http import Body
from agents.services.paging import Page
from agents.services.payments.protocol import (
    NOT_RETURNED,
    NOTHING,
    RETURNED,
    RETURNING,
    ListedPayment,
    Payment,
    PaymentChange,
    Refund,
)
from agents.services.payments.stripe_currencies import from_stripe

STATUSES = {
    "requires_payment_method": "open",
    "requires_confirmation": "open",
    "requires_action": "open",
    "processing": "processing",
    "requires_capture": "authorised",
    "succeeded": "captured",
    "canceled": "cancelled",
}
# Statuses of a dispute that costs nothing.
DISPUTE_OVER = frozenset({"won", "warning_closed", "prevented"})

# Events about a payment that nobody here has caused.
# Source: https://docs.stripe.com/api/events/types
LATER_CHANGES = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.refund.updated",
    "charge.refunded",
    "payment_intent.canceled",
    "refund.failed",
    "refund.updated",
)


def payment_in(body: Body) -> Payment:
    """A PaymentIntent. Of a charge that was ever disputed, the dispute counts as open."""
    status, currency = STATUSES[body["status"]], str(body["currency"]).upper()
    charge = body.get("latest_charge")

    def money(name: str, *, counts: bool = True) -> Decimal:
        return from_stripe(int(body[name]), currency) if counts else NOTHING

    return Payment(
        id=str(body["id"]),
        status=status,
        amount=money("amount"),
        currency=currency,
        captured=money("amount_received", counts=status == "captured"),
        held=money("amount_capturable", counts=status == "authorised"),
        dispute="open" if isinstance(charge, dict) and charge.get("disputed") else "",
        cancelled_by=str(body.get("cancellation_reason") or ""),
    )


def listed_page(body: Body) -> Page[ListedPayment]:
    """A page of PaymentIntents with their charges."""
    return Page([listed_in(one) for one in body["data"]], bool(body["has_more"]))


def listed_in(body: Body) -> ListedPayment:
    """A PaymentIntent with its charge; what is refunded includes refunds that are on their way."""
    payment, charge = payment_in(body), body.get("latest_charge")
    if payment.captured and isinstance(charge, dict):
        refunded = from_stripe(int(charge["amount_refunded"]), payment.currency)
        payment = replace(payment, refunded=refunded)
    reference = str((body.get("metadata") or {}).get("reference", ""))
    return ListedPayment(payment, reference, float(body["created"]))


def refund_in(body: Body) -> Refund:
    """A Refund."""
    currency, status = str(body["currency"]).upper(), str(body["status"])
    if status not in RETURNED | RETURNING | NOT_RETURNED:
        raise ValueError(status)
    amount = from_stripe(int(body["amount"]), currency)
    reference = str((body.get("metadata") or {}).get("reference", ""))
    reason = str(body.get("failure_reason") or "")
    return Refund(str(body["id"]), status, amount, currency, reference, reason)


def refunds_in(body: Body) -> list[Refund]:
    """The refunds of a list, the newest first."""
    return [refund_in(one) for one in body["data"]]


def with_refunds(payment: Payment, refunds: Sequence[Refund]) -> Payment:
    """The payment with what has gone back, what is on its way, and why a refund has failed."""
    failed = next((refund for refund in refunds if refund.has_failed), None)
    return replace(
        payment,
        refunded=sum((r.amount for r in refunds if r.arrived), NOTHING),
        refunding=sum((r.amount for r in refunds if r.is_on_its_way), NOTHING),
        refund_failure=str(failed or ""),
    )


def dispute_in(body: Body) -> str:
    """How the disputes of a list stand together: lost, open, or nothing to do."""
    statuses = {str(one["status"]) for one in body["data"]}
    if "lost" in statuses:
        return "lost"
    return "open" if statuses - DISPUTE_OVER else ""


def changes_page(body: Body) -> Page[PaymentChange]:
    """A page of events."""
    return Page([change_in(one) for one in body["data"]], bool(body["has_more"]))


def change_in(body: Body) -> PaymentChange:
    """An event: which payment it is about, and no more, as events come late, twice and in any order.

    Source: https://docs.stripe.com/webhooks, "Best practices"
    """
    about = body["data"]["object"]
    payment = about["id"] if about["object"] == "payment_intent" else about["payment_intent"]
    return PaymentChange(
        str(body["id"]), str(body["type"]), str(payment or ""), float(body["created"])
    )

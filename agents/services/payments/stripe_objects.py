"""Stripe's JSON objects, parameters and errors, as its public API reference gives them."""

import re
from collections.abc import Mapping
from sqlite3 import Row
from typing import Any
from urllib.parse import parse_qsl

import orjson

from agents.services.sandbox.operation import Refusal, Reply

DECLINES = {
    "InsufficientFunds": "insufficient_funds",
    "LostCard": "lost_card",
    "StolenCard": "stolen_card",
    "ExpiredCard": "expired_card",
    "IncorrectCvc": "incorrect_cvc",
    "ProcessingError": "processing_error",
    "Fraudulent": "fraudulent",
}
# Declines that Stripe names by a code of their own instead of card_declined and a decline code.
OWN_CODES = frozenset({"expired_card", "incorrect_cvc", "processing_error"})
METHOD = re.compile(r"(pm|card|src)_\w+")


def intent(row: Row) -> dict[str, Any]:
    """A PaymentIntent."""
    held = row["amount"] if row["status"] == "requires_capture" else 0
    charged = row["status"] in ("requires_capture", "succeeded") or row["last_error"]
    return {
        "id": row["id"],
        "object": "payment_intent",
        "amount": row["amount"],
        "amount_capturable": held,
        "amount_received": row["received"],
        "cancellation_reason": row["cancelled_by"],
        "capture_method": row["capture_method"],
        "client_secret": f"{row['id']}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": row["created"],
        "currency": row["currency"],
        "customer": None,
        "last_payment_error": _last_error(row),
        "latest_charge": _charge(row) if charged else None,
        "livemode": False,
        "metadata": orjson.loads(row["metadata"]),
        "next_action": {"type": "use_stripe_sdk"} if row["status"] == "requires_action" else None,
        "payment_method": row["method"],
        "payment_method_types": ["card"],
        "status": row["status"],
    }


def charge(row: Row, refunded: int, *, disputed: bool) -> dict[str, Any]:
    """The Charge of a PaymentIntent."""
    return {
        "id": _charge(row),
        "object": "charge",
        "amount": row["amount"],
        "amount_captured": row["received"],
        "amount_refunded": refunded,
        "captured": row["received"] > 0,
        "created": row["created"],
        "currency": row["currency"],
        "disputed": disputed,
        "payment_intent": row["id"],
        "refunded": 0 < row["received"] == refunded,
    }


def refund(row: Row, of: Row) -> dict[str, Any]:
    """A Refund."""
    return {
        "id": row["id"],
        "object": "refund",
        "amount": row["amount"],
        "charge": _charge(of),
        "created": row["created"],
        "currency": of["currency"],
        "failure_reason": row["failure_reason"],
        "metadata": orjson.loads(row["metadata"] or "{}"),
        "payment_intent": of["id"],
        "reason": None,
        "status": row["status"],
    }


def dispute(row: Row, of: Row) -> dict[str, Any]:
    """A Dispute."""
    return {
        "id": row["id"],
        "object": "dispute",
        "amount": row["amount"],
        "charge": _charge(of),
        "created": row["created"],
        "currency": of["currency"],
        "payment_intent": of["id"],
        "reason": "fraudulent",
        "status": row["status"],
    }


def error(
    status: int, code: str, message: str, kind: str = "invalid_request_error", **more: Any
) -> Reply:
    """An error in Stripe's shape."""
    body = {"type": kind, "message": message, **({"code": code} if code else {}), **more}
    return Reply(status, {"error": body})


def invalid(param: str, code: str) -> Refusal:
    """A parameter at fault; such a call does not use up its idempotency key."""
    return Refusal(error(400, code, f"Invalid or missing parameter: {param}", param=param))


def unexpected_state(row: Row, verb: str) -> Reply:
    """The PaymentIntent's status does not allow what was asked."""
    text = f"You cannot {verb} this PaymentIntent because it has a status of {row['status']}."
    return error(400, "payment_intent_unexpected_state", text, payment_intent=intent(row))


def declined(row: Row, code: str) -> Reply:
    """The card's bank declines."""
    return error(
        402,
        _error_code(code),
        "Your card was declined.",
        "card_error",
        decline_code=code,
        charge=_charge(row),
        payment_intent=intent(row),
    )


def decline_code(method: str) -> str:
    """The code with which a test payment method is declined; empty for a good one."""
    if "Declined" not in method and "CustomerFail" not in method:
        return ""
    return next((code for name, code in DECLINES.items() if name in method), "generic_decline")


def needs_authentication(method: str) -> bool:
    """Whether the bank wants to ask the customer (3-D Secure)."""
    return "authenticationRequired" in method or "threeDSecure2Required" in method


def form(content: bytes, allowed: frozenset[str]) -> dict[str, str]:
    """A form-encoded body; an unknown parameter is an error, as at Stripe."""
    pairs = parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True)
    for name, _ in pairs:
        if name.partition("[")[0] not in allowed:
            raise Refusal(
                error(400, "parameter_unknown", f"Received unknown parameter: {name}", param=name)
            )
    return dict(pairs)


def amount(form: Mapping[str, str], name: str, most: int) -> int:
    """A positive number of minor units."""
    value = form.get(name, "")
    if not (value.isascii() and value.isdigit()) or int(value[:20]) == 0:
        raise invalid(name, "parameter_invalid_integer" if value else "parameter_missing")
    if int(value[:20]) > most:
        raise invalid(name, "amount_too_large")
    return int(value)


def method(form: Mapping[str, str]) -> str | None:
    """The payment method, if one is given."""
    value = form.get("payment_method")
    if value is not None and not METHOD.fullmatch(value):
        text = "No such PaymentMethod"
        raise Refusal(error(400, "resource_missing", text, param="payment_method"))
    return value


def metadata(form: Mapping[str, str]) -> dict[str, str]:
    """The metadata[...] parameters."""
    prefix = "metadata["
    return {
        name[len(prefix) : -1]: value for name, value in form.items() if name.startswith(prefix)
    }


def _last_error(row: Row) -> dict[str, Any] | None:
    if not row["last_error"]:
        return None
    code = row["last_error"]
    return {
        "type": "card_error",
        "code": _error_code(code),
        "decline_code": code,
        "charge": _charge(row),
    }


def _error_code(code: str) -> str:
    return code if code in OWN_CODES else "card_declined"


def _charge(row: Row) -> str:
    return "ch_" + str(row["id"]).removeprefix("pi_")

"""Stripe's webhooks: what an endpoint is sent, believed only with Stripe's signature on it.

Source: https://docs.stripe.com/webhooks, "Verify webhook signatures with manual verification": the
header `t=<seconds>,v1=<hex>` may have several v1, of which one must be the HMAC-SHA256 of
`<seconds>.<payload>` under the endpoint's secret; a signature older than five minutes is a replay.
"""

import hashlib
import hmac
from collections.abc import Sequence

import orjson

from agents.runtime.errors import AgentError
from agents.services.payments.protocol import PaymentChange
from agents.services.payments.stripe_answers import LATER_CHANGES, change_in

TOLERANCE = 300.0  # seconds


class BadSignature(AgentError):
    """The payload is not from the provider, or not from now; nothing of it is believed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"event refused: {self.reason}; check the secret of the endpoint and the clock"


def verified_change(
    payload: bytes, signature: str, secrets: Sequence[str], at: float
) -> PaymentChange | None:
    """The change in a payload that came at `at`; None for an event that is about no payment.

    `signature` is the header Stripe-Signature, by one of the `secrets`. Raises BadSignature.
    """
    _verify(payload, signature, secrets, at)
    try:
        event = orjson.loads(payload)
        return change_in(event) if event["type"] in LATER_CHANGES else None
    except (ValueError, KeyError, TypeError):
        raise BadSignature("the payload is no event") from None


def _verify(payload: bytes, signature: str, secrets: Sequence[str], at: float) -> None:
    if not secrets:
        raise BadSignature("AGENT_FLOWS_STRIPE_WEBHOOK_SECRET is not set")
    parts = [part.strip().partition("=") for part in signature.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()):
        raise BadSignature("the signature names no time")
    message = f"{times[0]}.".encode() + payload
    signed = [hmac.new(one.encode(), message, hashlib.sha256).hexdigest() for one in secrets]
    given = [value for name, _, value in parts if name == "v1"]
    if not any(hmac.compare_digest(a.encode(), b.encode()) for a in signed for b in given):
        raise BadSignature("no signature fits the payload")
    if abs(at - int(times[0])) > TOLERANCE:
        raise BadSignature(f"it was signed more than {TOLERANCE:.0f} seconds ago or ahead")

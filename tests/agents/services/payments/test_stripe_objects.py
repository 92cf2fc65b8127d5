"""The test payment methods and the form encoding, as Stripe documents them."""

import pytest

from agents.services.payments import stripe_objects as stripe
from agents.services.sandbox.operation import Refusal


@pytest.mark.parametrize(
    "method, code",
    [
        ("pm_card_visa", ""),
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_chargeCustomerFail", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_methods_that_are_declined(method: str, code: str) -> None:
    assert stripe.decline_code(method) == code


def test_metadata_is_read_from_its_brackets() -> None:
    form = stripe.form(b"metadata%5Breference%5D=o+1&amount=5", frozenset({"metadata", "amount"}))
    assert stripe.metadata(form) == {"reference": "o 1"}
    assert stripe.amount(form, "amount", 5) == 5


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(Refusal) as caught:
        stripe.form(b"colour=red", frozenset({"amount"}))
    assert caught.value.reply.body["error"]["param"] == "colour"

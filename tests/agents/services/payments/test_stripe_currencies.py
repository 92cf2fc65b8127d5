"""Stripe counts as its documentation says, for every currency of ISO 4217, and refuses the rest."""

from decimal import Decimal

import pytest

from agents.services import Services
from agents.services.http import HttpApi
from agents.services.payments.protocol import AmountRefused, Payments
from agents.services.payments.stripe_currencies import from_stripe, is_counted, to_stripe
from agents.workflow.money import CURRENCIES, exponent, to_major, to_minor
from tests.agents.services.bare import post
from tests.agents.services.conftest import AskRecord

PAID_IN = sorted(CURRENCIES)


@pytest.mark.parametrize(
    "amount_minor, currency, counted",
    [
        (1_000, "USD", 1_000),
        (500, "JPY", 500),
        (5_000, "ISK", 500_000),
        (5_000, "UGX", 500_000),
        (5_000, "MGA", 50),
        (1_045, "HUF", 1_045),
        (1_001, "TWD", 1_001),
        (5_120, "KWD", 5_120),
        (700, "XAF", 700),
    ],
)
def test_amounts_of_the_documentation(amount_minor: int, currency: str, counted: int) -> None:
    assert to_stripe(to_major(amount_minor, currency), currency) == counted
    assert to_minor(from_stripe(counted, currency), currency) == amount_minor


@pytest.mark.parametrize("currency", PAID_IN)
def test_every_amount_that_goes_out_comes_back_as_it_was(currency: str) -> None:
    amounts = [units * 10 ** exponent(currency) for units in (1, 20, 5_000)] + [12_300]
    for amount in amounts if is_counted(currency) else ():
        counted = to_stripe(to_major(amount, currency), currency)
        assert to_minor(from_stripe(counted, currency), currency) == amount
    if not is_counted(currency):
        with pytest.raises(AmountRefused):
            to_stripe(to_major(amounts[0], currency), currency)


def test_most_currencies_are_counted() -> None:
    assert sum(map(is_counted, PAID_IN)) == 137


@pytest.mark.parametrize(
    "amount, currency",
    [
        ("5.124", "KWD"),
        ("10.50", "MGA"),
        ("1.005", "USD"),
        ("0.5", "ISK"),
        ("1", "IQD"),
        ("1", "CUP"),
        ("1", "XXX"),
        ("1000000", "USD"),
        ("1000000", "ISK"),
        ("0", "EUR"),
    ],
)
async def test_what_stripe_cannot_count_is_refused_before_any_call(
    amount: str, currency: str, services: Services, record: AskRecord, name: str
) -> None:
    with pytest.raises(AmountRefused, match=currency):
        await services[Payments].open(name, name, Decimal(amount), currency, "pm_card_visa")
    assert record("SELECT 1 FROM calls WHERE key = ?", name) == []


@pytest.mark.parametrize(
    "amount, currency, code",
    [
        ("5001", "isk", "parameter_invalid_integer"),
        ("5001", "ugx", "parameter_invalid_integer"),
        ("5124", "kwd", "parameter_invalid_integer"),
        ("1000", "cup", "parameter_invalid"),
        ("1000", "iqd", "parameter_invalid"),
        ("49", "usd", "amount_too_small"),
        ("49", "jpy", "amount_too_small"),
        ("17499", "huf", "amount_too_small"),
        ("100000000", "idr", "amount_too_large"),
    ],
)
async def test_the_sandbox_refuses_as_stripe_does(
    api: HttpApi, amount: str, currency: str, code: str
) -> None:
    answer = await post(api, "/v1/payment_intents", {"amount": amount, "currency": currency})
    assert (answer.status, answer.body["error"]["code"]) == (400, code)


async def test_the_sandbox_holds_what_was_ordered(
    services: Services, record: AskRecord, name: str
) -> None:
    opened = await services[Payments].open(name, name, Decimal(5_000), "ISK", "pm_card_visa")
    assert (opened.amount, opened.currency) == (Decimal(5_000), "ISK")
    held = "SELECT amount, currency FROM payment_intents WHERE reference = ?"
    assert record(held, name) == [(500_000, "isk")]

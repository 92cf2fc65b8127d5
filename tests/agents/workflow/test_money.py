"""Amounts are counted in the minor units of their currency, and read by people in its own decimals."""

import pickle

import pytest

from agents.workflow.money import UnknownCurrency, exponent, format_money


@pytest.mark.parametrize(
    "currency,decimals", [("USD", 2), ("JPY", 0), ("KWD", 3), ("UYW", 4), ("XAF", 0)]
)
def test_a_currency_has_its_own_number_of_decimals(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XDR", "CLF", "USN", "usd", "ZZZ", ""])
def test_a_code_nobody_pays_in_is_no_currency(code: str) -> None:
    with pytest.raises(UnknownCurrency) as caught:
        exponent(code)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.code == code
    assert str(again) == f"no currency to pay in: {code!r}"


@pytest.mark.parametrize(
    "amount,currency,text",
    [
        (123_450, "USD", "USD 1,234.50"),
        (5, "USD", "USD 0.05"),
        (-5, "USD", "USD -0.05"),
        (0, "EUR", "EUR 0.00"),
        (1_234_567, "JPY", "JPY 1,234,567"),
        (1_234_567, "KWD", "KWD 1,234.567"),
        (10**18 + 1, "USD", "USD 10,000,000,000,000,000.01"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(
    amount: int, currency: str, text: str
) -> None:
    assert format_money(amount, currency) == text

"""Amounts in minor units of a currency (ISO 4217), and how a person reads them."""

from decimal import Decimal
from typing import Annotated

import iso4217
from pydantic import AfterValidator, BeforeValidator, Field

from agents.runtime.errors import PermanentError
from agents.workflow.fields import BrokenRule, ascii_text

# Units in which funds and bonds are kept have a code and an exponent too, but nobody pays in them.
_FUNDS = frozenset(
    entry.findtext("Ccy")
    for entry in iso4217.raw_xml.iter("CcyNtry")
    if (name := entry.find("CcyNm")) is not None and name.get("IsFund")
)
_EXPONENTS = {
    currency.code: currency.exponent
    for currency in iso4217.Currency
    if currency.exponent is not None and currency.code not in _FUNDS
}

CURRENCIES = frozenset(_EXPONENTS)
"""All currencies that people pay in."""


class UnknownCurrency(PermanentError):
    """The code is no currency that people pay in."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"no currency to pay in: {self.code!r}"


def exponent(currency: str) -> int:
    """How many decimals the currency has. Raises UnknownCurrency."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None


class Uncountable(PermanentError):
    """The amount has a fraction that the currency's minor units (ISO 4217) cannot express."""

    def __init__(self, amount: Decimal, currency: str) -> None:
        super().__init__(amount, currency)
        self.amount, self.currency = amount, currency

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,f} is no whole number of minor units"


def to_major(amount_minor: int, currency: str) -> Decimal:
    """The amount in whole units of the currency, as it crosses an edge: exact in any count of decimals.

    Raises UnknownCurrency.
    """
    return Decimal(amount_minor).scaleb(-exponent(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units. Raises UnknownCurrency, Uncountable."""
    counted = amount.scaleb(exponent(currency))
    if counted != int(counted):
        raise Uncountable(amount, currency)
    return int(counted)


def format_money(amount_minor: int, currency: str) -> str:
    """The amount as a person reads it: USD 1,234.50. Raises UnknownCurrency."""
    decimals = exponent(currency)
    whole, rest = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    return f"{currency} {sign}{whole:,}" + (f".{rest:0{decimals}}" if decimals else "")


def _known(code: str) -> str:
    try:
        exponent(code)
    except UnknownCurrency as unknown:
        raise BrokenRule("unknown-currency", None, str(unknown)) from None
    return code


MinorUnits = Annotated[int, Field(gt=0, le=10**12)]
Currency = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$"), BeforeValidator(ascii_text), AfterValidator(_known)
]

"""How Stripe counts money, which is not always how ISO 4217 does; amounts are refused before any call.

Source: Stripe, "Supported currencies", https://docs.stripe.com/currencies: presentment currencies,
zero-decimal currencies, three-decimal currencies, special cases. Source of the largest amount:
https://docs.stripe.com/api/payment_intents/create, "amount": up to eight digits.
"""

from decimal import Decimal

from agents.services.payments.protocol import AmountRefused

WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905 - a list of codes
# Currencies without decimals that Stripe still counts with two, which must be 00.
# (HUF and TWD are whole in payouts only, and this adapter makes none.)
TWO_ZEROS = frozenset({"ISK", "UGX"})
# The last of three decimals must be 0.
THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
TWO_DECIMALS = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF"  # noqa: SIM905 - a list of codes
    " CHF CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF"
    " IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN"
    " MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP"
    " SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD XCG YER ZAR ZMW".split()
)
LARGEST = 99_999_999

# Currency -> its decimals at Stripe, and the number that each amount must be a multiple of.
_COUNTED = (
    dict.fromkeys(WHOLE, (0, 1))
    | dict.fromkeys(TWO_ZEROS, (2, 100))
    | dict.fromkeys(THREE_DECIMALS, (3, 10))
    | dict.fromkeys(TWO_DECIMALS, (2, 1))
)


def is_counted(currency: str) -> bool:
    """Whether Stripe takes payments in the currency."""
    return currency in _COUNTED


def multiple(currency: str) -> int:
    """The number that each amount of a currency that is counted must be a multiple of."""
    return _COUNTED[currency][1]


def to_stripe(amount: Decimal, currency: str) -> int:
    """An amount in whole units of the currency, as Stripe counts it. Raises AmountRefused."""
    if currency not in _COUNTED:
        raise AmountRefused(amount, currency, "Stripe takes no payments in this currency")
    decimals, step = _COUNTED[currency]
    counted = amount.scaleb(decimals)
    if counted % step:
        smallest = Decimal(step).scaleb(-decimals)
        raise AmountRefused(amount, currency, f"Stripe takes multiples of {smallest} only")
    if not 0 < counted <= LARGEST:
        raise AmountRefused(amount, currency, f"Stripe takes 1 to {LARGEST} of its smallest unit")
    return int(counted)


def from_stripe(counted: int, currency: str) -> Decimal:
    """What Stripe counts, in whole units of the currency.

    Only a payment that others made can have an unknown currency; its amount stays as Stripe counts it.
    """
    decimals, _ = _COUNTED.get(currency, (0, 1))
    return Decimal(counted).scaleb(-decimals)

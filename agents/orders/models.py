"""An order as it comes in, and the facts its agents state about it."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from agents.workflow.fields import (
    BrokenRule,
    CountryCode,
    Email,
    Identifier,
    Instant,
    OptionalText,
    Strict,
    Text,
    ascii_text,
    visible_text,
)
from agents.workflow.money import Currency, MinorUnits

MOST_LINES = 1_000
EXAMPLE: JsonValue = {
    "order_id": "W1763367",
    "placed_at": "2026-11-28T09:30:00Z",
    "customer": {"id": "C-1042", "name": "Ada Byron", "email": "ada@example.com"},
    "address": {
        "line1": "12 Market Street",
        "city": "Dublin",
        "postal_code": "D02 X285",
        "country": "IE",
    },
    "currency": "EUR",
    "lines": [{"sku": "MUG-BLUE", "name": "Blue mug", "quantity": 2, "unit_price": 1250}],
    "charges": 490,
    "total": 2990,
    "payment_method": "pm_card_visa",
}

Sku = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$"),
    BeforeValidator(ascii_text),
]
PostalCode = Annotated[
    str, Field(min_length=1, max_length=16, pattern=r"\S"), BeforeValidator(visible_text)
]


def _lines(value: object) -> object:
    """The lines as a tuple, counted before any of them is read, so that 100,000 cost nothing."""
    if not isinstance(value, list | tuple):
        return value
    if not value:
        raise BrokenRule("too-short", 1, "should have a line")
    if len(value) > MOST_LINES:
        raise BrokenRule("too-long", MOST_LINES, "has too many lines")
    return tuple(value)


class Customer(Strict):
    """The person who ordered."""

    id: Identifier
    name: Text
    email: Email


class Address(Strict):
    """Where to ship; `country` is ISO 3166 alpha-2."""

    line1: Text
    line2: OptionalText = ""
    city: Text
    state: OptionalText = ""
    postal_code: PostalCode
    country: CountryCode


class Line(Strict):
    """The number of pieces of one SKU; `unit_price` in minor units of the order's currency."""

    sku: Sku
    name: Text
    quantity: Annotated[int, Field(gt=0, le=10_000)]
    unit_price: MinorUnits


class Order(Strict):
    """An order; `total` in minor units of `currency` (ISO 4217), the sum of its lines and `charges`.

    `charges` is what an order has beside its lines: shipping, fees and tax less discounts. Without it an
    order is written as before there was one, so that it is known when it comes again.
    Texts are kept in NFC and `placed_at` in UTC, so equal orders compare equal however they came.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    order_id: Identifier
    placed_at: Instant | None = None
    customer: Customer
    address: Address
    currency: Currency
    lines: Annotated[tuple[Line, ...], BeforeValidator(_lines)]
    total: MinorUnits
    charges: Annotated[
        int, Field(ge=-(10**12), le=10**12, exclude_if=lambda charges: charges == 0)
    ] = 0
    payment_method: Identifier


class Assessed(Strict):
    """The order's risk, 0 to 100, and the rules that raised it."""

    risk: int
    reasons: tuple[str, ...]


class Reserved(Strict):
    """All pieces are held under `reservation`; together they weigh `weight_grams`."""

    reservation: str
    weight_grams: int


class PaymentOpened(Strict):
    """The provider knows the payment; no money has moved."""

    payment: str


class Authorised(Strict):
    """The money is held on the customer's account."""

    payment: str


class Captured(Strict):
    """The shop has the money: `amount` in minor units."""

    payment: str
    amount: int


class PaymentClosed(Strict):
    """The payment can take no more money; `refunded` minor units went back."""

    payment: str
    refunded: int


class Booked(Strict):
    """A carrier will take the parcel; `arrives_on` is the day (ISO 8601) that it promises, if any."""

    carrier: str
    tracking_id: str
    arrives_on: str = ""


class Issued(Strict):
    """The pieces left the warehouse."""

    reservation: str


class Released(Strict):
    """The pieces are for sale again."""

    reservation: str


class ShipmentCancelled(Strict):
    """No carrier has a booking for the order."""

    carriers: tuple[str, ...]


class Applied(Strict):
    """The change is made; `status` is the status of the order after it.

    `back` minor units go back when the goods of a return or an exchange arrive; less than 0 is to be
    paid. `prices` are those of an exchange's new pieces, in their order. Earlier releases did not keep them.
    """

    status: str
    back: int | None = None
    prices: tuple[int, ...] = ()


class ReturnDue(Strict):
    """What is due for the goods that came back: `back` minor units to the customer, or less than 0.

    `payment` is that of the order, `method` the token that the customer has chosen. With `by_hand` the
    provider cannot pay it, as the method is not the one that has paid the order. `places` are those of
    the pieces in the request, and `new` the SKUs that are sent to `address` in exchange for them.
    """

    order: str
    name: str
    email: str
    currency: str
    pieces: tuple[str, ...]
    back: int
    payment: str
    method: str
    by_hand: bool = False
    places: tuple[int, ...] = ()
    new: tuple[str, ...] = ()
    address: Address | None = None


class Restocked(Strict):
    """These pieces are for sale again."""

    pieces: tuple[str, ...]


class ReturnRefunded(Strict):
    """`amount` minor units went back; `refund` is the provider's id, empty if a person has paid it."""

    refund: str
    amount: int


class ExchangePaid(Strict):
    """The customer has paid `amount` minor units more; without a `payment` a person has taken it."""

    payment: str
    amount: int


class ExchangeClosed(Strict):
    """The exchange's own payment can take no more money; `refunded` minor units went back."""

    payment: str
    refunded: int

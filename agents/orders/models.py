"""An order as it comes in, and the facts its agents state about it."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from agents.runtime.errors import PermanentError

UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
UNSEEN = frozenset("\u034f\u115f\u1160\u3164\uffa0")  # letters and marks by category, yet invisible
LONGEST = 1024  # a text beyond it is too long in any form: reading each character would only cost
MOST_LINES = 1_000
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class BrokenRule(ValueError):
    """A value breaks a rule of ours that the schema has no word for."""

    def __init__(self, rule: str, limit: str | int, message: str) -> None:
        super().__init__(rule, limit, message)
        self.rule, self.limit, self.message = rule, limit, message

    def __str__(self) -> str:
        return self.message


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _readable(value: object) -> object:
    """The text in NFC; refuses what cannot be seen, as it forges labels and headers."""
    if (
        not isinstance(value, str)
        or len(value) > LONGEST
        or (value.isascii() and value.isprintable())
    ):
        return value
    for character in value:
        if unicodedata.category(character) in UNSEEN_CATEGORIES or character in UNSEEN:
            limit = _code_point(character)
            raise BrokenRule("control-character", limit, "has a character that cannot be seen")
    return unicodedata.normalize("NFC", value)


def _ascii(value: object) -> object:
    """The text as it is; refuses look-alikes of ASCII letters, even those that NFC would mend."""
    shown = _readable(value)
    if isinstance(value, str) and isinstance(shown, str) and not value.isascii():
        foreign = next(character for character in shown + value if not character.isascii())
        raise BrokenRule("confusable", _code_point(foreign), "has a character outside ASCII")
    return value


def _instant(value: object) -> object:
    """A date and time from its ISO 8601 text; anything but a text is left to the schema."""
    if not isinstance(value, str):
        return value
    try:
        if INSTANT.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise BrokenRule("date", "ISO 8601", "should be a date and time with offset")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise BrokenRule("date", "ISO 8601", "does not exist in UTC") from None


def _lines(value: object) -> object:
    """The lines as a tuple, counted before any of them is looked at: 100,000 cost nothing."""
    if not isinstance(value, list | tuple):
        return value
    if not value:
        raise BrokenRule("too-short", 1, "should have a line")
    if len(value) > MOST_LINES:
        raise BrokenRule("too-long", MOST_LINES, "has too many lines")
    return tuple(value)


Identifier = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$"), BeforeValidator(_ascii)
]
Sku = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$"), BeforeValidator(_ascii)
]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), BeforeValidator(_ascii)]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), BeforeValidator(_ascii)]
MinorUnits = Annotated[int, Field(gt=0, le=10**12)]
Text = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"\S"), BeforeValidator(_readable)
]
OptionalText = Annotated[str, Field(max_length=200), BeforeValidator(_readable)]
PostalCode = Annotated[
    str, Field(min_length=1, max_length=16, pattern=r"\S"), BeforeValidator(_readable)
]
Email = Annotated[
    str,
    # no comma, bracket or quote: a mail header would read them as a second receiver
    Field(max_length=254, pattern=r'^[^@\s,;:<>()\[\]"\\]{1,64}@[^@\s,;:<>()\[\]"\\]{1,190}$'),
    BeforeValidator(_readable),
]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_utc)]


class Strict(BaseModel):
    """Refuses unknown fields, wrong types and silent conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Customer(Strict):
    """Who ordered."""

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
    """So many pieces of one SKU; `unit_price` in minor units of the order's currency."""

    sku: Sku
    name: Text
    quantity: Annotated[int, Field(gt=0, le=10_000)]
    unit_price: MinorUnits


class Order(Strict):
    """An order; `total` in minor units of `currency` (ISO 4217), the sum of its lines.

    Texts are kept in NFC and `placed_at` in UTC, so equal orders compare equal however they came.
    """

    order_id: Identifier
    placed_at: Instant | None = None
    customer: Customer
    address: Address
    currency: CurrencyCode
    lines: Annotated[tuple[Line, ...], BeforeValidator(_lines)]
    total: MinorUnits
    payment_method: Identifier


class UnknownCurrency(PermanentError):
    """The code is no currency that people pay in."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"no currency to pay in: {self.code!r}"


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
    """The money is ours: `amount` in minor units."""

    payment: str
    amount: int


class PaymentClosed(Strict):
    """The payment can take no more money; `refunded` minor units went back."""

    payment: str
    refunded: int


class Booked(Strict):
    """A carrier will take the parcel."""

    carrier: str
    tracking_id: str


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
    """What a customer asked for is done; `status` is the order's since then."""

    status: str

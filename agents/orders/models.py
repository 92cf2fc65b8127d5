"""An order as it comes in, and the facts its agents state about it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
Sku = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
MinorUnits = Annotated[int, Field(gt=0, le=10**12)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Optional = Annotated[str, Field(max_length=200)]


class Strict(BaseModel):
    """Refuses unknown fields, wrong types and silent conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Customer(Strict):
    """Who ordered."""

    id: Identifier
    name: Text
    email: Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]


class Address(Strict):
    """Where to ship; `country` is ISO 3166 alpha-2."""

    line1: Text
    line2: Optional = ""
    city: Text
    state: Optional = ""
    postal_code: Annotated[str, Field(min_length=1, max_length=16)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Line(Strict):
    """So many pieces of one SKU; `unit_price` in minor units of the order's currency."""

    sku: Sku
    name: Text
    quantity: Annotated[int, Field(gt=0, le=10_000)]
    unit_price: MinorUnits


class Order(Strict):
    """An order; `total` in minor units of `currency` (ISO 4217), the sum of its lines."""

    order_id: Identifier
    placed_at: datetime | None = None
    customer: Customer
    address: Address
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=1_000)]
    total: MinorUnits
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

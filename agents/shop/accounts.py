"""Accounts of orders and customers, and the goods, as customers see them; all money in minor units."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

Status = Literal[
    "pending", "pending (items modified)", "processed", "delivered", "cancelled", "rejected",
    "return requested", "exchange requested",
]  # fmt: skip
Kind = Literal["credit_card", "paypal", "gift_card"]


class Account(BaseModel, frozen=True, extra="forbid"):
    """A value; unknown fields are refused."""


class PostalAddress(Account):
    """An address to ship to."""

    line1: str
    line2: str = ""
    city: str
    state: str = ""
    postal_code: str
    country: str

    def on_one_line(self) -> str:
        """The address as one line of text."""
        fields = (self.line1, self.line2, self.city, self.state, self.postal_code, self.country)
        return ", ".join(field for field in fields if field)


class Method(Account):
    """A method of payment: `token` is the provider's name of it, `balance` that of a gift card, if known."""

    id: str
    kind: Kind
    token: str
    balance: int | None = None


class Variant(Account):
    """An item that can be ordered; variants of one product can be exchanged for each other.

    `names` are what it is called in other languages, by their code (ISO 639-1); `also` are other names
    that people use for it, in any language.
    """

    sku: str
    product: str
    name: str
    names: Mapping[str, str] = {}
    also: tuple[str, ...] = ()
    price: int
    currency: str = ""
    options: Mapping[str, str]
    available: bool


class Piece(Account):
    """One piece of an order, at the price it was bought for."""

    sku: str
    product: str
    name: str
    price: int


class Movement(Account):
    """Money that a method has paid, or that went back to it."""

    kind: Literal["payment", "refund"]
    amount: int
    method: str


class Shipment(Account):
    """Who carries an order, and the carrier's number of the parcel.

    `arrives_on` is the day (ISO 8601) that the carrier has promised, as long as it lies ahead.
    """

    carrier: str
    tracking: str
    arrives_on: str = ""


class AfterSales(Account):
    """A return or an exchange: `new` is empty for a return, `difference` is what the new pieces cost more.

    `arrived` are the pieces that have come back and are settled, `settled_on` the day (ISO 8601) on which
    the last of their money was paid, and `parcels` those of the new pieces.
    """

    pieces: tuple[str, ...]
    new: tuple[str, ...] = ()
    method: str
    difference: int = 0
    settled_on: str = ""
    arrived: tuple[str, ...] = ()
    parcels: tuple[Shipment, ...] = ()


class OrderAccount(Account):
    """An order as its customer sees it.

    `charges` is what it costs beside its pieces; `days` are the whole days since it was shipped, if it
    was. `arrives_by` and `returnable_until` are days (ISO 8601) of an order that was shipped.
    """

    order: str
    customer: str
    status: Status
    address: PostalAddress
    currency: str = ""
    pieces: tuple[Piece, ...]
    movements: tuple[Movement, ...] = ()
    cancelled_for: str = ""
    after_sales: AfterSales | None = None
    charges: int = 0
    days: int | None = None
    shipment: Shipment | None = None
    arrives_by: str = ""
    returnable_until: str = ""

    @property
    def total(self) -> int:
        """What the order costs."""
        return sum(piece.price for piece in self.pieces) + self.charges


class CustomerAccount(Account):
    """A customer: the default address and the methods of payment, by their id."""

    customer: str
    address: PostalAddress | None = None
    methods: Mapping[str, Method] = {}

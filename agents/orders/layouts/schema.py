"""What a layout says: where in a table of another program the parts of an order are, and in which form."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agents.workflow.fields import BrokenRule

Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(min_length=1, max_length=50)]
Part = Literal[
    "order_id", "placed_at", "customer.id", "customer.name", "customer.email", "address.line1",
    "address.line2", "address.city", "address.state", "address.postal_code", "address.country",
    "currency", "payment_method",
]  # fmt: skip
MAY_BE_MISSING = frozenset({"placed_at", "address.line2", "address.state"})
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone such as Europe/Berlin") from None
    return name


class Strict(BaseModel):
    """A part of a layout: no unknown key, no conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Source(Strict):
    """Where a text comes from: a column, or a constant.

    Of several columns the first that the table has is taken; a list among them is joined by blanks.
    `optional`: the table need not have the column. `strip` is a character that programs put in front of
    a text so that spreadsheets keep it. `words` says what the cells mean, and no other cell is taken.
    """

    column: Name | list[Name | Names] | None = None
    constant: Name | None = None
    optional: bool = False
    strip: Annotated[str, Field(max_length=1)] = ""
    words: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("needs either a column or a constant")
        return self

    @property
    def alternatives(self) -> list[tuple[str, ...]]:
        """The columns to choose from, each choice as those that are joined."""
        if self.column is None:
            return []
        choices = [self.column] if isinstance(self.column, str) else self.column
        return [(one,) if isinstance(one, str) else tuple(one) for one in choices]


def _source(value: object) -> object:
    """A text is the name of a column, a list several to choose from."""
    return {"column": value} if isinstance(value, str | list) else value


Text = Annotated[Source, BeforeValidator(_source)]


class Only(Source):
    """Only orders with one of these cells in the column are taken; "" stands for an empty cell."""

    values: Annotated[list[str], Field(min_length=1)]

    def require(self, cell: str | None) -> None:
        """Raise BrokenRule for another cell."""
        if (cell or "") not in self.values:
            wanted = ", ".join(value or "empty" for value in self.values)
            raise BrokenRule("status", wanted, f"should be {wanted}")


class TableForm(Strict):
    """How the table is written; without a delimiter it is the one that is most often in the header."""

    key: Text
    delimiter: Literal["comma", "semicolon", "tab", "bar"] | None = None
    quotes: bool = True


class Lines(Strict):
    """The lines of an order: one a row, or written one after the other in cells.

    With `cells` (a name may end in *) a line is written like name:Lamp|sku:A1|quantity:2, and the
    columns of the line are these names. `price` is that of all pieces of a line, `unit_price` of one.
    `once` is what each line has of its own: a line that is there twice is refused.
    """

    cells: Names | None = None
    between: Annotated[str, Field(min_length=1, max_length=3)] = ";"
    parts: Annotated[str, Field(min_length=1, max_length=3)] = "|"
    pair: Annotated[str, Field(min_length=1, max_length=3)] = ":"
    sku: Text
    name: Text
    quantity: Text
    unit_price: Text | None = None
    price: Text | None = None
    once: Text | None = None

    @property
    def sources(self) -> list[Source]:
        """Everything that is read of a line."""
        found = (self.sku, self.name, self.quantity, self.unit_price, self.price, self.once)
        return [one for one in found if one is not None]

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.unit_price is None) == (self.price is None):
            raise ValueError("needs either a unit_price or a price")
        return self


class Taxes(Strict):
    """Tax by column, and the currencies whose prices include it or to whose prices it is added."""

    columns: Annotated[list[Text], Field(min_length=1)]
    included: list[str] = []
    added: list[str] = []


class Money(Strict):
    """How amounts are written and what the total of an order is made of beside its lines.

    Without `decimal` an amount is taken only if it can be read in one way. Amounts are of the whole order,
    or (`each: row`) of each row. `rest`: what the columns do not explain of the total is taken as
    shipping and fees.
    """

    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    each: Literal["order", "row"] = "order"
    total: Text | None = None
    charges: list[Text] = []
    discounts: list[Text] = []
    taxes: Taxes | None = None
    rest: bool = False

    @property
    def extras(self) -> list[Source]:
        """The amounts beside the lines."""
        taxes = self.taxes.columns if self.taxes else []
        return [*self.charges, *self.discounts, *taxes]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.thousands is not None and self.thousands == self.decimal:
            raise ValueError("decimal and thousands are the same")
        if self.rest and self.total is None:
            raise ValueError("rest needs a total")
        return self


class Dates(Strict):
    """The forms of dates, as for Python's strptime, and the time zone of those that name none."""

    formats: Annotated[list[Name], Field(min_length=1)]
    zone: Annotated[str, AfterValidator(_zone)] | None = None


class Layout(Strict):
    """How the order exports of one program become orders; `known_by` are headers that only it has."""

    known_by: list[Names] = []
    table: TableForm
    order: dict[Part, Text]
    lines: Lines
    money: Money = Money()
    dates: Dates | None = None
    only: list[Only] = []

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = Part.__args__  # type: ignore[attr-defined]  # of a Literal
        missing = [part for part in known if part not in self.order and part not in MAY_BE_MISSING]
        if missing:
            raise ValueError(f"order: nothing says where {', '.join(missing)} comes from")
        if "placed_at" in self.order and self.dates is None:
            raise ValueError("dates: placed_at needs formats")
        return self

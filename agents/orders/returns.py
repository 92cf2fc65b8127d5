"""Goods that came back: what the warehouse or the carrier reports about a return or an exchange."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from agents.orders.models import Sku
from agents.services.files.records import Known
from agents.workflow.fields import Identifier, Strict
from agents.workflow.records import Records

EXCHANGE = ":exchange"  # how the reference of an exchange's own payment ends
EXAMPLE: JsonValue = {"order": "W1763367", "pieces": ["MUG-BLUE"], "arrival": "parcel-1"}


def _pieces(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class ArrivedGoods(Strict):
    """Goods of an order's return or exchange have arrived; `pieces` has a SKU for each piece.

    `arrival` is the sender's name of what has arrived, such as a parcel: goods of one order that arrive
    apart have one each. Reported again under the same name they are the same goods.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    order: Identifier
    pieces: Annotated[
        tuple[Sku, ...], Field(min_length=1, max_length=100), BeforeValidator(_pieces)
    ]
    arrival: Annotated[Identifier | Literal[""], Field(exclude_if=lambda arrival: not arrival)] = ""

    @property
    def key(self) -> str:
        """Its key in the journal: the order, then the arrival if it has a name."""
        return f"{self.order}:{self.arrival}" if self.arrival else self.order


RETURN_RECORDS = Records(ArrivedGoods, key="key", known=Known(frozenset(), "order"))
"""An order has one return or exchange, whose goods may arrive apart."""

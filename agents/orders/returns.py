"""Goods that came back: what the warehouse or the carrier reports about a return or an exchange."""

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from agents.orders.models import Sku
from agents.workflow.fields import Identifier, Strict
from agents.workflow.records import Records

EXCHANGE = ":exchange"  # how the reference of an exchange's own payment ends
EXAMPLE: JsonValue = {"order": "W1763367", "pieces": ["MUG-BLUE", "MUG-BLUE"]}


def _pieces(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class ArrivedGoods(Strict):
    """The goods of an order's return or exchange have arrived; `pieces` has a SKU for each piece."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    order: Identifier
    pieces: Annotated[
        tuple[Sku, ...], Field(min_length=1, max_length=100), BeforeValidator(_pieces)
    ]


RETURN_RECORDS = Records(ArrivedGoods, key="order")
"""An order has one return or exchange, so its number is the key."""

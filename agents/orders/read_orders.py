"""Orders as records: from a file or standard input, each one checked or rejected with the reason."""

from collections.abc import Iterator, Mapping, Sequence

from agents.orders.layouts.body import order_body
from agents.orders.layouts.columns import Columns
from agents.orders.layouts.load import load_layout, recognised
from agents.orders.layouts.schema import DELIMITERS, Layout
from agents.orders.models import Order
from agents.orders.validate import check_order
from agents.services.files.foreign import Shape
from agents.services.files.records import BadRecord, Known, Record, SourceError, read_records
from agents.workflow.records import Records, integer_fields


class ForeignOrders(Records[Order]):
    """Orders as another program exports them, by a layout; `name` stands for it in messages."""

    def __init__(self, layout: Layout, name: str) -> None:
        super().__init__(Order, key="order_id", check=self._order)
        self._columns = Columns(layout, name, ())

    def _records(self, source: str) -> Iterator[Record | BadRecord]:
        table = self._columns.layout.table
        delimiter = DELIMITERS[table.delimiter] if table.delimiter else ""
        known = Known(shape=self._shape, delimiter=delimiter, quotes=table.quotes)
        return read_records(source, known=known)

    def _shape(self, header: Sequence[str]) -> Shape:
        self._columns = Columns(self._columns.layout, self._columns.name, header)
        return self._columns.shape()

    def _order(self, cells: Mapping[str, object]) -> Order:
        return check_order(order_body(self._columns, cells))


def _suggest(header: Sequence[str]) -> None:
    """Raise SourceError for a table that another program has exported."""
    if name := recognised(header):
        raise SourceError(
            "layout", f"the header is that of a {name} export: add --layout {name} to read it"
        )


ORDER_RECORDS = Records(
    Order,
    key="order_id",
    check=check_order,
    known=Known(integer_fields(Order), "order_id", shape=_suggest),
)

read_orders = ORDER_RECORDS.read


def order_records(layout: str | None) -> Records[Order]:
    """The records of orders in our own form, or by a layout: its name or file. Raises BadLayout."""
    return ORDER_RECORDS if layout is None else ForeignOrders(load_layout(layout), layout)

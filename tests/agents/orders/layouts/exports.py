"""Exports of shops as they document them, with invented content."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from agents.orders.models import Order
from agents.orders.read_orders import order_records
from agents.runtime.intake.intake import Rejection, Submission

SHOPIFY = {
    "Name": "#1001", "Email": "t1@example.com", "Financial Status": "paid",
    "Fulfillment Status": "", "Currency": "EUR", "Subtotal": "30.00", "Shipping": "4.90",
    "Taxes": "4.79", "Total": "34.90", "Discount Code": "", "Discount Amount": "",
    "Created at": "2026-11-02 10:14:58 +0100", "Lineitem quantity": "1", "Lineitem name": "Thing",
    "Lineitem price": "10.00", "Lineitem sku": "A1", "Shipping Name": "Test Person",
    "Shipping Street": "", "Shipping Address1": "1 Test St", "Shipping Address2": "",
    "Shipping City": "Town", "Shipping Zip": "'01234", "Shipping Province": "",
    "Shipping Country": "DE", "Cancelled at": "", "Payment Method": "Shopify Payments", "Id": "51",
}  # fmt: skip
SECOND = {"Name": "#1001", "Email": "t1@example.com", "Lineitem quantity": "2",
          "Lineitem name": "Other", "Lineitem price": "10.00", "Lineitem sku": "B2"}  # fmt: skip
WOO = {
    "Order ID": "4711", "Order Number": "4711", "Order Status": "processing",
    "Order Date": "02.11.2026 10:15", "Paid Date": "", "Order Total": "34,90",
    "Order Currency": "EUR", "Shipping Total": "4,90", "Payment Method": "stripe",
    "Shipping Name": "Test Person", "Shipping Address 1": "1 Test St", "Shipping City": "Town",
    "Shipping Postcode": "01234", "Shipping Country": "DE", "Billing Email": "t1@example.com",
    "Line Items": "name:Thing|sku:A1|quantity:1|total:10;name:Other|sku:B2|quantity:2|total:20,00",
}  # fmt: skip
AMAZON = {
    "order-id": "111-1", "order-item-id": "123", "purchase-date": "2026-11-02T10:15:00+00:00",
    "buyer-email": "x@marketplace.example.com", "buyer-name": "Test Person", "sku": "A1",
    "product-name": '"Best" thing', "quantity-purchased": "2", "currency": "EUR",
    "item-price": "20.00", "item-tax": "3.20", "shipping-price": "3.00", "shipping-tax": "0.48",
    "item-promotion-discount": "", "recipient-name": "Test Person", "ship-address-1": "1 Test St",
    "ship-address-2": "", "ship-city": "Town", "ship-state": "", "ship-postal-code": "01234",
    "ship-country": "DE",
}  # fmt: skip


def written(
    path: Path, rows: Iterable[dict[str, str]], delimiter: str = ",", *, bom: bool = False
) -> str:
    """Write the rows as a table whose header is that of the first; tab separated cells are not quoted."""
    some = list(rows)
    if delimiter == "\t":
        cells = [list(some[0]), *([row.get(name, "") for name in some[0]] for row in some)]
        text = "".join("\t".join(row) + "\r\n" for row in cells)
    else:
        output = io.StringIO()
        table = csv.DictWriter(output, list(some[0]), delimiter=delimiter, restval="")
        table.writeheader()
        table.writerows(some)
        text = output.getvalue()
    path.write_text(text, encoding="utf-8-sig" if bom else "utf-8", newline="")
    return str(path)


def read(source: str, layout: str | None) -> tuple[list[Order], list[Rejection]]:
    """The orders and the rejections of an export."""
    found = list(order_records(layout).read(source))
    orders = [one.payload for one in found if isinstance(one, Submission)]
    return orders, [one for one in found if isinstance(one, Rejection)]

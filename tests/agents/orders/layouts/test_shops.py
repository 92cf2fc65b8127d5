"""What shops export becomes the order that the shop has, or is rejected by field and rule."""

from pathlib import Path

import pytest

from agents.orders.models import Order
from agents.services.files.records import SourceError
from tests.agents.orders.layouts.exports import AMAZON, SECOND, SHOPIFY, WOO, read, written

OWN_WOO = "extends: woocommerce\ndates: {zone: Europe/Berlin}\n"


@pytest.fixture
def woo(tmp_path: Path) -> str:
    path = tmp_path / "woo.yaml"
    path.write_text(OWN_WOO, "utf-8")
    return str(path)


def goods(order: Order) -> list[tuple[str, int, int]]:
    return [(line.sku, line.quantity, line.unit_price) for line in order.lines]


def test_shopify_rows_of_an_order_are_its_lines(tmp_path: Path) -> None:
    other = SHOPIFY | {"Name": "#1002", "Total": "14.90", "Subtotal": "10.00"}
    source = written(tmp_path / "o.csv", [SHOPIFY, SECOND, other])

    [order, _], rejected = read(source, "shopify")

    assert rejected == []
    assert order.order_id == "#1001"
    assert goods(order) == [("A1", 1, 1_000), ("B2", 2, 1_000)]
    assert (order.total, order.charges, order.currency) == (3_490, 490, "EUR")
    assert order.placed_at is not None
    assert order.placed_at.isoformat() == "2026-11-02T09:14:58+00:00"
    assert order.address.postal_code == "01234"
    assert order.customer.email == order.customer.id == "t1@example.com"


def test_the_same_export_again_is_the_same_order(tmp_path: Path) -> None:
    source = written(tmp_path / "o.csv", [SHOPIFY, SECOND])
    assert read(source, "shopify") == read(source, "shopify")


@pytest.mark.parametrize(
    "changes,field,rule",
    [
        ({"Financial Status": "refunded"}, "Financial Status", "status"),
        ({"Financial Status": "pending"}, "Financial Status", "status"),
        ({"Fulfillment Status": "fulfilled"}, "Fulfillment Status", "status"),
        ({"Cancelled at": "2026-11-03 10:00:00 +0100"}, "Cancelled at", "status"),
        ({"Total": "35.90"}, "total", "sum-mismatch"),
        ({"Total": "34,90"}, "total", "number"),
        ({"Total": "34.901"}, "total", "decimals"),
        ({"Total": ""}, "total", "missing"),
        ({"Lineitem price": "1.000,00"}, "lines[0].unit_price", "number"),
        ({"Lineitem price": ""}, "lines[0].unit_price", "missing"),
        ({"Lineitem quantity": "1.5"}, "lines[0].quantity", "number"),
        ({"Lineitem quantity": "0"}, "lines[0].quantity", "number"),
        ({"Created at": "2026-11-02 10:14:58"}, "placed_at", "date"),
        ({"Created at": "02/11/2026"}, "placed_at", "date"),
        ({"Currency": "XXX"}, "currency", "unknown-currency"),
        ({"Shipping": "-1.00"}, "Shipping", "out-of-range"),
        ({"Lineitem sku": ""}, "lines[0].sku", "missing"),
        ({"Shipping Country": "Germany"}, "address.country", "pattern"),
    ],
)
def test_what_shopify_says_otherwise_is_rejected_by_field_and_rule(
    tmp_path: Path, changes: dict[str, str], field: str, rule: str
) -> None:
    source = written(tmp_path / "o.csv", [SHOPIFY | changes, SECOND])

    orders, [rejected] = read(source, "shopify")

    assert orders == []
    assert (rejected.line, rejected.rule) == (2, rule)
    assert f"{field}: " in rejected.message


@pytest.mark.parametrize(
    "changes,total,extra",
    [
        ({"Taxes": "5.70", "Total": "40.60"}, 4_060, 1_060),  # tax is added
        ({"Discount Amount": "5.00", "Total": "29.90"}, 2_990, -10),
        ({"Shipping": "", "Total": "30.00"}, 3_000, 0),
    ],
)
def test_shopify_totals_are_explained_by_shipping_tax_and_discounts(
    tmp_path: Path, changes: dict[str, str], total: int, extra: int
) -> None:
    [order], _ = read(written(tmp_path / "o.csv", [SHOPIFY | changes, SECOND]), "shopify")
    assert (order.total, order.charges) == (total, extra)


def test_a_currency_without_decimals(tmp_path: Path) -> None:
    row = SHOPIFY | {"Currency": "JPY", "Lineitem price": "1000", "Shipping": "0",
                     "Taxes": "0.00", "Total": "1000.00"}  # fmt: skip
    [order], _ = read(written(tmp_path / "o.csv", [row]), "shopify")
    assert (order.total, goods(order)) == (1_000, [("A1", 1, 1_000)])


def test_woocommerce_lines_stand_in_a_cell(tmp_path: Path, woo: str) -> None:
    source = written(tmp_path / "o.csv", [WOO], ";", bom=True)

    [order], rejected = read(source, woo)

    assert rejected == []
    assert goods(order) == [("A1", 1, 1_000), ("B2", 2, 1_000)]
    assert (order.total, order.charges) == (3_490, 490)
    assert order.placed_at is not None
    assert order.placed_at.isoformat() == "2026-11-02T09:15:00+00:00"


def test_woocommerce_lines_stand_in_cells_of_their_own(tmp_path: Path, woo: str) -> None:
    row = {
        "order_id": "1", "order_number": "1", "order_date": "2026-11-02 10:15:00",
        "status": "processing", "shipping_total": "3.00", "tax_total": "2.00",
        "order_total": "25.00", "order_currency": "USD", "customer_email": "t@example.com",
        "shipping_first_name": "Ann", "shipping_last_name": "Lee", "shipping_address_1": "1 St",
        "shipping_city": "Reno", "shipping_postcode": "89501", "shipping_country": "US",
        "line_item_1": "name:Lamp|product_id:3|sku:A1|quantity:2|total:20.00|sub_total:20.00",
        "line_item_2": "",
    }  # fmt: skip
    [order], _ = read(written(tmp_path / "o.csv", [row]), woo)
    assert order.customer.name == "Ann Lee"
    assert (goods(order), order.total, order.charges) == ([("A1", 2, 1_000)], 2_500, 500)


@pytest.mark.parametrize(
    "changes,field,rule",
    [
        ({"Order Date": "02/11/2026 10:15"}, "placed_at", "date"),
        ({"Order Date": "29.03.2026 02:30"}, "placed_at", "date"),
        ({"Order Date": "25.10.2026 02:30"}, "placed_at", "ambiguous-date"),
        ({"Order Total": "1.234"}, "total", "ambiguous-number"),
        ({"Order Total": "34,90 EUR"}, "total", "number"),
        ({"Order Status": "completed"}, "Order Status", "status"),
        ({"Line Items": "Thing x 1"}, "lines", "line-items"),
        ({"Line Items": "name:T|sku:A1|sku:A2|quantity:1|total:1"}, "lines", "line-items"),
        ({"Line Items": ""}, "total", "sum-mismatch"),
        (
            {"Line Items": "name:T|sku:A1|quantity:3|total:10"},
            "lines[0].unit_price",
            "indivisible",
        ),
        ({"Shipping Total": ""}, "total", "sum-mismatch"),
    ],
)
def test_what_woocommerce_leaves_open_is_rejected_by_field_and_rule(
    tmp_path: Path, woo: str, changes: dict[str, str], field: str, rule: str
) -> None:
    orders, [rejected] = read(written(tmp_path / "o.csv", [WOO | changes], ";"), woo)
    assert orders == []
    assert rejected.rule == rule
    assert f"{field}: " in rejected.message


def test_woocommerce_dates_without_a_zone_are_not_guessed(tmp_path: Path) -> None:
    orders, [rejected] = read(written(tmp_path / "o.csv", [WOO], ";"), "woocommerce")
    assert orders == []
    assert rejected.rule == "zone"


def test_amazon_items_of_an_order_are_its_lines(tmp_path: Path) -> None:
    second = AMAZON | {"order-item-id": "124", "sku": "B2", "quantity-purchased": "1"}
    goes_on = {"order-id": "111-1", "item-promotion-discount": "-1.00"}
    source = written(tmp_path / "o.txt", [AMAZON, second, goes_on], "\t")

    [order], rejected = read(source, "amazon")

    assert rejected == []
    assert goods(order) == [("A1", 2, 1_000), ("B2", 1, 2_000)]
    assert order.lines[0].name == '"Best" thing'
    assert (order.total, order.charges) == (4_500, 500)


def test_amazon_items_of_the_same_goods_are_one_line(tmp_path: Path) -> None:
    second = AMAZON | {"order-item-id": "124", "quantity-purchased": "1", "item-price": "10.00"}
    [order], _ = read(written(tmp_path / "o.txt", [AMAZON, second], "\t"), "amazon")
    assert goods(order) == [("A1", 3, 1_000)]


def test_amazon_prices_in_dollars_have_tax_on_top(tmp_path: Path) -> None:
    source = written(tmp_path / "o.txt", [AMAZON | {"currency": "USD"}], "\t")
    [order], _ = read(source, "amazon")
    assert order.total == 2_000 + 300 + 320 + 48


@pytest.mark.parametrize(
    "rows,field,rule",
    [
        ([AMAZON | {"currency": "BRL"}], "total", "ambiguous-tax"),
        ([AMAZON | {"item-price": "20,00"}], "lines[0].unit_price", "number"),
        ([AMAZON | {"purchase-date": "05-17-2026"}], "placed_at", "date"),
        ([AMAZON, AMAZON], "lines", "duplicate-line"),
        ([AMAZON, AMAZON | {"order-item-id": "124", "ship-city": "Elsewhere"}], "ship-city", "inconsistent-rows"),
    ],
)  # fmt: skip
def test_what_amazon_leaves_open_is_rejected_by_field_and_rule(
    tmp_path: Path, rows: list[dict[str, str]], field: str, rule: str
) -> None:
    orders, [rejected] = read(written(tmp_path / "o.txt", rows, "\t"), "amazon")
    assert orders == []
    assert rejected.rule == rule
    assert field in rejected.message


def test_amazon_items_that_are_apart_are_refused_together(tmp_path: Path) -> None:
    rows = [AMAZON, AMAZON | {"order-id": "111-2"}, AMAZON | {"order-item-id": "124", "sku": "B"}]
    orders, rejected = read(written(tmp_path / "o.txt", rows, "\t"), "amazon")
    assert [order.order_id for order in orders] == ["111-2"]
    assert [(one.line, one.rule) for one in rejected] == [(2, "rows-apart"), (4, "rows-apart")]


@pytest.mark.parametrize(
    "name,row,delimiter,layout",
    [
        ("o.csv", SHOPIFY, ",", "shopify"),
        ("o.csv", WOO, ";", "woocommerce"),
        ("o.txt", AMAZON, "\t", "amazon"),
        ("o.tsv", AMAZON, "\t", "amazon"),
    ],
)
def test_a_known_export_is_recognised_and_its_layout_suggested(
    tmp_path: Path, name: str, row: dict[str, str], delimiter: str, layout: str
) -> None:
    source = written(tmp_path / name, [row], delimiter, bom=True)
    with pytest.raises(SourceError, match=f"{layout} export: add --layout {layout}"):
        read(source, None)


def test_a_column_that_the_layout_needs_is_named(tmp_path: Path) -> None:
    row = {name: cell for name, cell in SHOPIFY.items() if name != "Lineitem sku"}
    with pytest.raises(SourceError, match="layout shopify needs the column Lineitem sku"):
        read(written(tmp_path / "o.csv", [row]), "shopify")


def test_a_layout_is_for_tables(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"order_id": "1"}\n', "utf-8")
    orders, [rejected] = read(str(path), "shopify")
    assert orders == []
    assert (rejected.rule, "layouts are for CSV" in rejected.message) == ("layout", True)

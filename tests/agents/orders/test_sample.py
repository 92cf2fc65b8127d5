"""The shipped sample: what is in it, and how it is made."""

import csv
import gzip
import importlib.util
import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from agents.orders.models import Order
from agents.orders.rules import assess, needs_approval
from agents.orders.sample import (
    CATALOGUE,
    CUSTOMER_COUNT,
    ORDER_COUNT,
    ORDERS,
    PRODUCT_COUNT,
    STOCK,
    VARIANT_COUNT,
)
from agents.orders.sample.convert import MEMBER, cents, convert, read_db
from agents.orders.sample.stock import GRAMS, on_hand
from agents.orders.validate import check_order

HEAVIEST_PARCEL = 30_000

DB = {
    "products": {
        "p1": {
            "name": "Desk Lamp",
            "variants": {
                "222": {"item_id": "222", "available": True, "price": 20.005},
                "111": {"item_id": "111", "available": False, "price": 10.1},
            },
        }
    },
    "users": {
        "ann": {
            "user_id": "ann",
            "name": {"first_name": "Ann", "last_name": "Lee"},
            "email": "ann@example.com",
            "payment_methods": {
                "c1": {"source": "credit_card", "brand": "visa", "id": "c1"},
                "g1": {"source": "gift_card", "id": "g1"},
            },
        }
    },
    "orders": {
        number: {
            "order_id": number,
            "user_id": "ann",
            "address": {
                "address1": "1 Elm Street",
                "address2": "Suite 1",
                "city": "Reno",
                "state": "NV",
                "zip": "89501",
                "country": "USA",
            },
            "items": [
                {"name": "Desk Lamp", "item_id": sku, "price": price}
                for sku, price in (("222", 20.005), ("111", 10.1), ("222", 20.005))
            ],
            "payment_history": [
                {"transaction_type": "refund", "payment_method_id": "g1"},
                {"transaction_type": "payment", "payment_method_id": method},
            ],
        }
        for number, method in (("#W2", "c1"), ("#W1", "g1"))
    },
}


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    with gzip.open(ORDERS, "rt", encoding="utf-8") as file:
        return [check_order(json.loads(line)) for line in file]


@pytest.fixture(scope="module")
def stock() -> dict[str, tuple[int, int]]:
    with STOCK.open(encoding="ascii", newline="") as file:
        return {
            row["sku"]: (int(row["on_hand"]), int(row["weight_grams"]))
            for row in csv.DictReader(file)
        }


def test_every_order_is_one_we_take(orders: list[Order]) -> None:
    assert len(orders) == ORDER_COUNT == 1_000
    assert [order.order_id for order in orders] == sorted({order.order_id for order in orders})
    assert len({order.customer.id for order in orders}) <= CUSTOMER_COUNT == 500
    assert {order.currency for order in orders} == {"USD"}
    assert all(order.placed_at is None for order in orders)
    assert set(Counter(order.payment_method for order in orders)) == {
        "pm_card_visa",
        "pm_card_mastercard",
        "pm_paypal",
        "pm_gift_card",
    }


def test_the_stock_knows_every_variant_of_fifty_products(
    orders: list[Order], stock: dict[str, tuple[int, int]]
) -> None:
    assert len(stock) == VARIANT_COUNT
    assert list(stock) == sorted(stock)
    assert {line.sku for order in orders for line in order.lines} <= set(stock)
    assert {line.name for order in orders for line in order.lines} == set(GRAMS)
    assert len(GRAMS) == PRODUCT_COUNT == 50


def test_about_95_percent_of_the_orders_can_be_reserved(
    orders: list[Order], stock: dict[str, tuple[int, int]]
) -> None:
    left = {sku: pieces for sku, (pieces, _) in stock.items()}
    reserved = 0
    for order in orders:
        if all(left[line.sku] >= line.quantity for line in order.lines):
            reserved += 1
            left.update({line.sku: left[line.sku] - line.quantity for line in order.lines})
    assert 930 <= reserved <= 970


def test_most_parcels_are_light_and_a_few_are_too_heavy(
    orders: list[Order], stock: dict[str, tuple[int, int]]
) -> None:
    weights = [sum(stock[line.sku][1] * line.quantity for line in o.lines) for o in orders]
    assert sum(weight < 5_000 for weight in weights) > 500
    assert 10 <= sum(weight > HEAVIEST_PARCEL for weight in weights) <= 20


def test_a_few_orders_wait_for_approval(orders: list[Order]) -> None:
    assert 10 <= sum(needs_approval(assess(order)) for order in orders) <= 30


def test_the_sample_is_small() -> None:
    assert ORDERS.stat().st_size + STOCK.stat().st_size < 200_000


def test_only_what_the_data_calls_unavailable_is_short_and_by_a_fifth() -> None:
    skus = [str(number) for number in range(300)]
    assert all(on_hand(sku, 10, available=True) >= 10 for sku in skus)
    assert all(on_hand(sku, 0, available=False) >= 0 for sku in skus)
    short = [pieces for sku in skus if (pieces := on_hand(sku, 10, available=False)) < 10]
    assert set(short) == {8}
    assert 70 <= len(short) <= 130


@pytest.mark.parametrize("price,amount", [(20.005, 2000), (20.015, 2002), (10.1, 1010), (3, 300)])
def test_prices_are_rounded_half_to_even(price: float, amount: int) -> None:
    assert cents(price) == amount


def test_the_same_data_gives_the_same_bytes_from_each_source(tmp_path: Path) -> None:
    text = json.dumps(DB).encode()
    sources = [tmp_path / name for name in ("db.json", "db.json.gz", "package.whl")]
    sources[0].write_bytes(text)
    sources[1].write_bytes(gzip.compress(text))
    with zipfile.ZipFile(sources[2], "w") as wheel:
        wheel.writestr(MEMBER, sources[1].read_bytes())
    made = []
    for source in sources:
        out = tmp_path / f"{source.name}-out"
        convert(source, out=out)
        made.append([(out / name).read_bytes() for name in ("orders.jsonl.gz", "stock.csv")])
    assert made[0] == made[1] == made[2]
    assert made[0][0][4:8] == bytes(4)


def test_an_order_is_taken_as_new_with_equal_items_on_one_line(tmp_path: Path) -> None:
    source = tmp_path / "db.json"
    source.write_text(json.dumps(DB))
    convert(source, out=tmp_path)
    with gzip.open(tmp_path / "orders.jsonl.gz", "rt") as file:
        first, second = (check_order(json.loads(line)) for line in file)
    assert (first.order_id, second.order_id) == ("W1", "W2")
    assert (first.payment_method, second.payment_method) == ("pm_gift_card", "pm_card_visa")
    assert [(line.sku, line.quantity, line.unit_price) for line in first.lines] == [
        ("222", 2, 2000),
        ("111", 1, 1010),
    ]
    assert (first.total, first.address.country) == (5010, "US")


PACKAGE = importlib.util.find_spec("inspect_evals")


@pytest.mark.skipif(
    PACKAGE is None, reason="inspect-evals, where the data is from, is not installed"
)
def test_the_shipped_files_are_what_the_package_gives(tmp_path: Path) -> None:
    assert PACKAGE is not None
    folder = Path(next(iter(PACKAGE.submodule_search_locations or ())))
    source = folder.parent / MEMBER
    assert len(read_db(source)["orders"]) == ORDER_COUNT
    convert(source, out=tmp_path)
    assert (tmp_path / ORDERS.name).read_bytes() == ORDERS.read_bytes()
    assert (tmp_path / CATALOGUE.name).read_bytes() == CATALOGUE.read_bytes()
    assert (tmp_path / STOCK.name).read_bytes() == STOCK.read_bytes()


def test_all_kinds_of_goods_have_a_name_in_chinese() -> None:
    with gzip.open(CATALOGUE, "rt", encoding="utf-8") as file:
        names = {row["name"]: row["names"]["zh"] for row in map(json.loads, file)}
    assert len(names) == len(set(names.values())) == PRODUCT_COUNT
    assert all(re.search(r"[\u4e00-\u9fff]", name) for name in names.values())

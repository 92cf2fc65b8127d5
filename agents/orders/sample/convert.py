"""Converts the retail data of tau2-bench into orders, a catalogue, customers and a stock.

Run as `python -m agents.orders.sample.convert WHEEL_OR_DB --out DIR` on the inspect-evals wheel or
on its db.json(.gz). Every order counts as new, whatever its status in the data.
"""

import csv
import gzip
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import cyclopts

from agents.orders.sample.stock import on_hand, weight_grams

MEMBER = "inspect_evals/tau2/data/domains/retail/db.json.gz"
NAMES = Path(__file__).parent / "names.csv"
COUNTRIES = {"USA": "US"}
METHODS = {
    ("credit_card", "visa"): "pm_card_visa",
    ("credit_card", "mastercard"): "pm_card_mastercard",
    ("paypal", None): "pm_paypal",
    ("gift_card", None): "pm_gift_card",
}

Database = Mapping[str, Mapping[str, Any]]


def read_db(source: Path) -> Database:
    """The products, users and orders in a wheel, a db.json.gz or a db.json."""
    if source.suffix == ".whl":
        with zipfile.ZipFile(source) as wheel:
            content = wheel.read(MEMBER)
    else:
        content = source.read_bytes()
    db: Database = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    return db


def cents(price: float) -> int:
    """The price in cents: the shortest decimal of the number, rounded half to even."""
    return int((Decimal(str(price)) * 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def orders(db: Database) -> Iterator[dict[str, object]]:
    """The orders in the order of their numbers, each in the form of the Order model."""
    for _, order in sorted(db["orders"].items()):
        user = db["users"][order["user_id"]]
        lines = _lines(order["items"])
        yield {
            "order_id": order["order_id"].removeprefix("#"),
            "customer": {
                "id": user["user_id"],
                "name": f"{user['name']['first_name']} {user['name']['last_name']}",
                "email": user["email"],
            },
            "address": _address(order["address"]),
            "currency": "USD",
            "lines": lines,
            "total": sum(line["quantity"] * line["unit_price"] for line in lines),
            "payment_method": _method(order, user),
        }


def _lines(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each variant, in the order in which they were put into the basket."""
    pieces = Counter(item["item_id"] for item in items)
    variants = {item["item_id"]: item for item in reversed(items)}
    return [
        {
            "sku": sku,
            "name": variants[sku]["name"],
            "quantity": quantity,
            "unit_price": cents(variants[sku]["price"]),
        }
        for sku, quantity in pieces.items()
    ]


def _address(address: Mapping[str, str]) -> dict[str, str]:
    return {
        "line1": address["address1"],
        "line2": address["address2"],
        "city": address["city"],
        "state": address["state"],
        "postal_code": address["zip"],
        "country": COUNTRIES[address["country"]],
    }


def _method(order: Mapping[str, Any], user: Mapping[str, Any]) -> str:
    """The token of the method that first paid the order."""
    used = next(p for p in order["payment_history"] if p["transaction_type"] == "payment")
    method = user["payment_methods"][used["payment_method_id"]]
    return METHODS[method["source"], method.get("brand")]


def stock(db: Database) -> Iterator[tuple[str, int, int]]:
    """SKU, pieces on hand and grams of each variant, by SKU."""
    ordered = Counter(item["item_id"] for order in db["orders"].values() for item in order["items"])
    variants = [
        (sku, variant, product["name"])
        for product in db["products"].values()
        for sku, variant in product["variants"].items()
    ]
    for sku, variant, name in sorted(variants, key=lambda found: found[0]):
        pieces = on_hand(sku, ordered[sku], available=variant["available"])
        yield sku, pieces, weight_grams(sku, name)


def catalogue(db: Database) -> Iterator[dict[str, object]]:
    """What can be ordered, by SKU: variants of one product can be exchanged for each other.

    Names in Chinese, and others that people use, are not in the data: they are in names.csv.
    """
    called = _names()
    found = (
        (sku, number, product["name"], variant)
        for number, product in db["products"].items()
        for sku, variant in product["variants"].items()
    )
    for sku, number, name, variant in sorted(found, key=lambda variant: variant[0]):
        yield {
            "sku": sku,
            "product": number,
            "name": name,
            **called.get(name, {}),
            "price": cents(variant["price"]),
            "currency": "USD",
            "options": variant.get("options", {}),
            "available": variant["available"],
        }


def _names() -> Mapping[str, Mapping[str, object]]:
    with NAMES.open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: {
                "names": {"zh": row["zh"]},
                "also": list(filter(None, row["also"].split(";"))),
            }
            for row in csv.DictReader(file)
        }


def customers(db: Database) -> Iterator[dict[str, object]]:
    """The customers by their id, with default address and methods of payment."""
    for name, user in sorted(db["users"].items()):
        yield {
            "customer": name,
            "address": _address(user["address"]) if "address" in user else None,
            "methods": {
                number: {
                    "id": number,
                    "kind": method["source"],
                    "token": METHODS[method["source"], method.get("brand")],
                }
                for number, method in sorted(user["payment_methods"].items())
            },
        }


def _write(path: Path, rows: Iterator[dict[str, object]]) -> None:
    text = "".join(
        json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        for row in rows
    )
    packed = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(text.encode())
    path.write_bytes(packed.getvalue())


def convert(source: Path, /, *, out: Path) -> None:
    """Write orders, catalogue, customers and stock; the same source gives the same bytes."""
    db = read_db(source)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "orders.jsonl.gz", orders(db))
    _write(out / "catalogue.jsonl.gz", catalogue(db))
    _write(out / "customers.jsonl.gz", customers(db))
    rows = "".join(f"{sku},{pieces},{grams}\n" for sku, pieces, grams in stock(db))
    (out / "stock.csv").write_text("sku,on_hand,weight_grams\n" + rows, encoding="ascii")


if __name__ == "__main__":
    cyclopts.run(convert)

"""Sources of orders: repeated orders in any format, changed orders, and lines that are no orders."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.orders.report import OrderReport
from flows.order_processing import enqueue_orders, process_orders
from tests.agents.orders.layouts.exports import SHOPIFY, written
from tests.agents.services.files.flat_rows import flat_rows
from tests.flows.shop import DECLINED_CARD, Shop

pytestmark = pytest.mark.slow


def as_json_lines(bodies: list[dict[str, Any]], path: Path) -> None:
    path.write_text("".join(json.dumps(dict(reversed(b.items()))) + "\n" for b in bodies), "utf-8")


def as_json(bodies: list[dict[str, Any]], path: Path) -> None:
    path.write_text(json.dumps(bodies, indent=2), "utf-8")


def as_csv(bodies: list[dict[str, Any]], path: Path) -> None:
    rows = [row for body in bodies for row in flat_rows(body)]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def as_parquet(bodies: list[dict[str, Any]], path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(bodies), path)


def as_gzip(bodies: list[dict[str, Any]], path: Path) -> None:
    path.write_bytes(gzip.compress(b"".join(json.dumps(b).encode() + b"\n" for b in bodies)))


FORMATS = {
    "orders.jsonl": as_json_lines,
    "orders.json": as_json,
    "orders.csv": as_csv,
    "orders.parquet": as_parquet,
    "orders.jsonl.gz": as_gzip,
}


@pytest.mark.slow
async def test_repeated_orders_in_any_format_cause_no_call(shop: Shop) -> None:
    bodies = [
        *shop.orders(5),
        shop.order(5, payment_method=DECLINED_CARD),
        shop.order(6, "anvil"),
        shop.order(7, price=700_000),
        shop.order(8, quantity=2, placed_at="2026-01-15T09:30:00+01:00"),
    ]
    bodies[0]["lines"].append(
        {"sku": shop.sku("rare"), "name": "x", "quantity": 1, "unit_price": 1}
    )
    bodies[0]["total"] += 1
    await shop.process(bodies)
    before = shop.calls

    for name, write in FORMATS.items():
        write(bodies, shop.folder / name)
        report = await shop.process(str(shop.folder / name))

        outcomes = {word: count for word, count in report.outcomes.items() if count}
        assert outcomes == {"waiting": 1, "already done": 8}, name
        assert shop.calls == before, name
        assert report.reasons["already done"] == {"shipped": 6, "rejected": 1, "refunded": 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
async def test_orders_are_shipped_from_a_file_of_any_format(shop: Shop, name: str) -> None:
    FORMATS[name](shop.orders(3), shop.folder / name)

    report = await shop.process(str(shop.folder / name))

    assert report.outcomes["shipped"] == report.items == 3


async def test_a_shop_export_is_shipped_by_its_layout_and_charged_its_total(shop: Shop) -> None:
    first = SHOPIFY | {
        "Name": shop.order_id(1),
        "Lineitem sku": shop.sku("lamp"),
        "Shipping Country": "US",
    }
    row = written(shop.folder / "export.csv", [first | {"Total": "14.90"}])

    await enqueue_orders.fn(row, report=shop.report, stock=shop.stock, layout="shopify")
    report = await process_orders.fn(row, report=shop.report, stock=shop.stock, layout="shopify")

    assert report.outcomes["shipped"] == report.items == 1
    assert report.captured == {"EUR": 1_490}
    await shop.check()


async def test_another_body_under_the_same_key_is_a_conflict_and_changes_nothing(
    shop: Shop,
) -> None:
    first, changed = shop.order(1), shop.order(1, quantity=9)
    await shop.process([first])
    stored, before = (await shop.journal()).items, shop.calls

    report = await shop.process([changed])

    assert report.reasons["rejected"] == {"input: conflict": 1}
    assert (await shop.journal()).items == stored
    assert shop.calls == before
    [rejected] = shop.rejected
    assert (rejected["line"], rejected["rule"]) == (1, "conflict")
    assert shop.order_id(1) in rejected["message"]


async def test_an_order_that_stands_twice_in_a_file_is_processed_once(shop: Shop) -> None:
    order, changed = shop.order(1), shop.order(1, quantity=9)

    report = await shop.process([order, order, changed])

    assert report.outcomes["shipped"] == report.outcomes["already done"] == 1
    assert report.reasons["rejected"] == {"input: conflict": 1}


async def test_each_bad_line_is_named_and_kept_and_the_good_ones_are_processed(shop: Shop) -> None:
    order = shop.order
    cases: list[tuple[Any, str, str]] = [
        # line, rule, what its message names
        (order(100) | {"total": 1}, "sum-mismatch", "total: should be the sum of the lines, 1999"),
        (order(101) | {"currency": "usd"}, "pattern", "currency: "),
        (order(102) | {"currency": "U\u0405D"}, "confusable", "limit U+0405"),
        (order(103) | {"coupon": "X"}, "unknown-field", "coupon: "),
        (order(104, quantity=10_001), "out-of-range", "limit 10000"),
        ({"order_id": shop.order_id(105)}, "missing", "customer: "),
        (
            order(106) | {"lines": []},
            "too-short",
            "lines: should have a line (rule too-short, limit 1)",
        ),
        (order(107) | {"__class__": "os.system"}, "unknown-field", "__class__"),
        (b'{"order_id": "broken"', "invalid-json", "character 23"),
        (b'{"total": NaN}', "not-finite", "field total: NaN"),
        (b'{"total": 1' + b"0" * 30 + b"}", "integer-range", "field total: "),
        (b'{"total": 1, "total": 2}', "duplicate-key", "field total: "),
        (b'{"name": "\\ud800"}', "lone-surrogate", "field name: "),
        (b"[" * 100_000, "too-deep", "32 levels"),
        (b"\xff\xfe\xfa", "encoding", "byte 1"),
        (b"[1, 2]", "not-an-object", "a list"),
    ]
    good = shop.orders(10)
    lines = [case[0] for case in cases]
    mixed = [entry for pair in zip(good, lines, strict=False) for entry in pair] + lines[10:]

    report = await shop.process(shop.write(mixed))

    assert report.outcomes["shipped"] == 10
    assert conserved(report, len(mixed))
    kept = {row["line"]: row for row in shop.rejected}
    assert len(kept) == len(cases) == report.outcomes["rejected"]
    for line, rule, named in cases:
        row = kept[mixed.index(line) + 1]
        assert row["rule"] == rule, row
        assert row["message"].startswith(f"line {row['line']}"), row
        assert named in row["message"], row
        assert row.get("raw") or row.get("raw_base64"), row
    assert json.loads(kept[2]["raw"]) == lines[0]


async def test_a_table_with_bad_rows_names_them_by_their_line(shop: Shop) -> None:
    bodies = shop.orders(3)
    bodies[1]["total"] = 7
    as_csv(bodies, shop.folder / "orders.csv")

    report = await shop.process(str(shop.folder / "orders.csv"))

    assert report.outcomes["shipped"] == 2
    assert conserved(report, 3)
    [rejected] = shop.rejected
    assert (rejected["line"], rejected["rule"]) == (3, "sum-mismatch")


async def test_the_orders_before_the_break_of_a_truncated_file_are_processed(shop: Shop) -> None:
    whole = gzip.compress(b"".join(json.dumps(b).encode() + b"\n" for b in shop.orders(60)))
    path = shop.folder / "orders.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])

    report = await shop.process(str(path))

    assert 0 < report.outcomes["shipped"] < 60
    assert report.outcomes["rejected"] >= 1
    assert report.outcomes["shipped"] == len(shop.record.payments)


def conserved(report: OrderReport, read: int) -> bool:
    """Whether all records that were read are counted as good or rejected."""
    return report.items == sum(report.outcomes.values()) == read

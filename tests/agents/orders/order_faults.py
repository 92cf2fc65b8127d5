"""A good order, and every way one order can be wrong: field, value, rule and limit."""

import copy
import re
from collections.abc import Mapping
from datetime import datetime

BODY: dict[str, object] = {
    "order_id": "W1",
    "placed_at": "2026-01-15T09:30:00+01:00",
    "customer": {"id": "c1", "name": "Ann Lee", "email": "ann@example.com"},
    "address": {"line1": "1 Elm Street", "city": "Reno", "postal_code": "89501", "country": "US"},
    "currency": "USD",
    "lines": [
        {"sku": "A-1", "name": "Lamp", "quantity": 2, "unit_price": 1_000},
        {"sku": "B-1", "name": "Bulb", "quantity": 1, "unit_price": 30},
    ],
    "total": 2_030,
    "payment_method": "pm_card_visa",
}
GONE = object()


def body(changes: Mapping[str, object]) -> dict[str, object]:
    """BODY with values put at paths such as lines[0].sku; GONE takes one away."""
    changed = copy.deepcopy(BODY)
    for path, value in changes.items():
        keys = [int(key) if key.isdigit() else key for key in re.findall(r"[^.\[\]]+", path)]
        place: object = changed
        for key in keys[:-1]:
            place = place[key]  # type: ignore[index]  # a path of the test leads somewhere
        if value is GONE:
            del place[keys[-1]]  # type: ignore[attr-defined]  # the same
        else:
            place[keys[-1]] = value  # type: ignore[index]  # the same
    return changed


def lines(count: int) -> list[dict[str, object]]:
    """So many lines of a penny each."""
    return [{"sku": f"A{n}", "name": "L", "quantity": 1, "unit_price": 1} for n in range(count)]


FAULTS: list[tuple[str, object, str, str | int | None]] = [
    # field, value, rule, limit
    ("order_id", GONE, "missing", None),
    ("lines[0].sku", GONE, "missing", None),
    ("customer", GONE, "missing", None),
    ("order_id", "", "too-short", 1),
    ("order_id", "x" * 65, "too-long", 64),
    ("order_id", "x" * 100_000, "too-long", 64),
    ("order_id", "a b", "pattern", "^[!-~]+$"),
    ("order_id", 7, "type", None),
    ("order_id", None, "type", None),
    ("order_id", ["W1"], "type", None),
    ("customer", "Ann", "type", None),
    ("customer", [], "type", None),
    ("customer.name", "", "too-short", 1),
    ("customer.name", "   ", "pattern", r"\S"),
    ("customer.name", "x" * 201, "too-long", 200),
    ("customer.name", "\u00e9" * 201, "too-long", 200),
    ("customer.email", "ann", "pattern", None),
    ("customer.email", "ann@b@c", "pattern", None),
    ("customer.email", "a@b,c@d", "pattern", None),
    ("customer.email", "Ann<ann@b>", "pattern", None),
    ("customer.email", "a@b\r\nBcc:c@d", "control-character", "U+000D"),
    ("address.country", "USA", "pattern", "^[A-Z]{2}$"),
    ("address.country", "\u0405E", "confusable", "U+0405"),
    ("address.postal_code", "1" * 17, "too-long", 16),
    ("address.line2", None, "type", None),
    ("address.line2", "x" * 201, "too-long", 200),
    # texts: nothing that cannot be seen
    ("customer.name", "Ann\x00", "control-character", "U+0000"),
    ("customer.name", "Ann\nLee", "control-character", "U+000A"),
    ("customer.name", "\u202eeeL nnA", "control-character", "U+202E"),
    ("customer.name", "Ann\u200bLee", "control-character", "U+200B"),
    ("customer.name", "Ann\ufeff", "control-character", "U+FEFF"),
    ("customer.name", "Ann\ud800", "control-character", "U+D800"),
    ("customer.name", "\ud800" * 2_000, "control-character", None),
    ("customer.name", "\ue000", "control-character", "U+E000"),
    ("customer.name", "\u3164", "control-character", "U+3164"),
    ("address.city", "Re\u2066no", "control-character", "U+2066"),
    ("address.line1", "1 Elm\u2028Street", "control-character", "U+2028"),
    ("lines[1].name", "Bul\u200db", "control-character", "U+200D"),
    ("lines[1].sku", "A\u202e1", "control-character", "U+202E"),
    ("lines[1].sku", "A\x00", "control-character", "U+0000"),
    # SKUs and codes: ASCII, and look-alikes named
    ("lines[0].sku", "\u0405-1", "confusable", "U+0405"),
    ("lines[0].sku", "A-\uff11", "confusable", "U+FF11"),
    ("lines[0].sku", "\u212a-1", "confusable", "U+212A"),
    ("lines[0].sku", "A\u2010\u0031", "confusable", "U+2010"),
    ("lines[0].sku", "A 1", "pattern", "^[A-Za-z0-9._-]+$"),
    ("lines[0].sku", "' OR 1=1 --", "pattern", "^[A-Za-z0-9._-]+$"),
    ("lines[0].sku", "{{7*7}}", "pattern", "^[A-Za-z0-9._-]+$"),
    ("lines[1].sku", "A-1", "duplicate-sku", "lines[0]"),
    ("currency", "U\u0405D", "confusable", "U+0405"),
    ("currency", "usd", "pattern", "^[A-Z]{3}$"),
    ("currency", "USD\n", "control-character", "U+000A"),
    ("currency", "XXX", "unknown-currency", None),
    ("currency", "XAU", "unknown-currency", None),
    ("currency", "ZZZ", "unknown-currency", None),
    # numbers: whole minor units, nothing that is only like a number
    ("lines[0].quantity", 0, "out-of-range", 0),
    ("lines[0].quantity", -1, "out-of-range", 0),
    ("lines[0].quantity", 10_001, "out-of-range", 10_000),
    ("lines[0].quantity", 2**63, "out-of-range", 10_000),
    ("lines[0].quantity", True, "type", None),
    ("lines[0].quantity", "2", "type", None),
    ("lines[0].quantity", 2.0, "type", None),
    ("lines[0].unit_price", -0.0, "type", None),
    ("lines[0].unit_price", 0.1 + 0.2, "type", None),
    ("lines[0].unit_price", 0, "out-of-range", 0),
    ("lines[0].unit_price", -5, "out-of-range", 0),
    ("lines[0].unit_price", 10**30, "out-of-range", 10**12),
    ("total", 10**30, "out-of-range", 10**12),
    ("total", float("nan"), "type", None),
    ("total", float("inf"), "type", None),
    ("total", True, "type", None),
    ("total", "2030", "type", None),
    ("total", 20.30, "type", None),
    ("total", None, "type", None),
    ("total", 0, "out-of-range", 0),
    ("total", 2_031, "sum-mismatch", 2_030),
    # lines
    ("lines", [], "too-short", 1),
    ("lines", lines(1_001), "too-long", 1_000),
    ("lines", lines(1) * 100_000, "too-long", 1_000),
    ("lines", {}, "type", None),
    ("lines", "A-1", "type", None),
    ("lines", None, "type", None),
    ("lines[0]", "A-1", "type", None),
    # dates
    ("placed_at", "2026-01-15", "date", "ISO 8601"),
    ("placed_at", "2026-01-15T09:30:00", "date", "ISO 8601"),
    ("placed_at", "2026-02-30T09:30:00Z", "date", "ISO 8601"),
    ("placed_at", "2026-01-15T24:00:00Z", "date", "ISO 8601"),
    ("placed_at", "2026-01-15T09:30:00+99:00", "date", "ISO 8601"),
    ("placed_at", "2026-W03-4T09:30:00Z", "date", "ISO 8601"),
    ("placed_at", "yesterday", "date", "ISO 8601"),
    ("placed_at", "\u0662026-01-15T09:30:00Z", "date", "ISO 8601"),
    ("placed_at", "0001-01-01T00:00:00+14:00", "date", "ISO 8601"),
    ("placed_at", datetime(2026, 1, 15), "date", None),  # noqa: DTZ001  # without offset is the case
    ("placed_at", 1_700_000_000, "type", None),
    ("placed_at", "1999-12-31T23:59:59Z", "out-of-range", "2000-01-01T00:00:00+00:00"),
    ("placed_at", "2026-01-16T12:00:01Z", "out-of-range", "2026-01-16T12:00:00+00:00"),
    ("placed_at", "9999-12-31T23:59:59Z", "out-of-range", "2026-01-16T12:00:00+00:00"),
    # keys that mean something to others are unknown fields here
    ("__class__", "pydantic.ImportString", "unknown-field", None),
    ("__proto__", {}, "unknown-field", None),
    ("$ref", "#/total", "unknown-field", None),
    ("customer.__class__", {"data": "x"}, "unknown-field", None),
    ("lines[0].discount", 1, "unknown-field", None),
]

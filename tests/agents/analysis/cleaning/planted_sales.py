"""Sales with errors that only rules between columns, between rows, or about forms can find."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from agents.analysis.contract import Contract
from tests.agents.analysis.cleaning.planted import Planted, Row, spoilt

CONTRACT = Contract.model_validate(
    {
        "name": "sales",
        "time": "sold_at",
        "key": ["id"],
        "missing": ["NA"],
        "unknown": "freeze",
        "columns": {
            "id": {"type": "integer", "required": True},
            "sold_at": {"type": "time", "required": True, "zone": "Europe/Berlin", "ambiguous": "earlier"},
            "status": {"type": "text", "one_of": ["open", "shipped"]},
            "shipped_at": {"type": "time", "zone": "Europe/Berlin", "ambiguous": "later"},
            "units": {"type": "integer", "low": 1},
            "price": {"type": "number", "decimal": ",", "thousands": ".", "low": 0},
            "revenue": {"type": "number"},
            "zip": {"type": "text", "pattern": "[0-9]{5}"},
            "city": {"type": "text", "spellings": {"N. Ulm": "Neu-Ulm"}},
            "land": {"type": "text", "pattern": "[A-Z]{2}", "missing": []},
            "rate": {"type": "integer", "one_of": [7, 19]},
            "paid": {"type": "time", "format": "%d.%m.%Y", "zone": "Europe/Berlin"},
            "seen": {"type": "time", "format": "epoch-ms", "high": "now"},
            "weight": {"type": "number", "unit": "kg", "outliers": 12, "outliers_by": ["land"]},
        },
        "checks": [
            "shipped_at >= sold_at",
            {"holds": "revenue == units * price", "within": 0.005},
            {"when": "status == 'shipped'", "then": "shipped_at is present"},
            {"when": "land == 'NA'", "then": "rate == 7"},
            {"when": "land == 'AT'", "then": "weight >= 60"},
        ],
        "dependencies": [{"by": "zip", "same": "city", "may_differ": 0.2}],
    }
)  # fmt: skip
CITIES = ["Ulm", "Neu-Ulm", "Bonn", "Köln", "Jena", "Kiel"]
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)

KINDS: dict[str, Callable[[Row], Row]] = {
    "revenue == units * price": lambda row: row | {"revenue": f"{float(row['revenue']) + 0.02:.2f}"},
    "shipped_at >= sold_at": lambda row: row | {"shipped_at": "2023-12-31 12:00"},
    "shipped_at is present when status == 'shipped'": lambda row: row | {"status": "shipped", "shipped_at": "NA"},
    "rate == 7 when land == 'NA'": lambda row: row | {"land": "NA", "rate": "19"},
    "city: same by zip": lambda row: row | {"city": row["city"].replace("n", "m").replace("l", "1")},
    "rate: allowed": lambda row: row | {"rate": "16"},
    "price: type": lambda row: row | {"price": row["price"].replace(",", ".")},
    "paid: type": lambda row: row | {"paid": "2024-01-31"},
    "seen: type": lambda row: row | {"seen": "2024-01-31T12:00Z"},
    "seen <= now": lambda row: row | {"seen": "4102444800000"},
    "sold_at: type": lambda row: row | {"sold_at": "2024-03-31 02:30"},  # an hour that was skipped
    "sold_at: missing": lambda row: row | {"sold_at": "NA"},
    "weight >= 60 when land == 'AT'": lambda row: row | {"land": "AT", "rate": "7", "weight": "59"},
    "weight: outlier by land": lambda row: row | {"land": "DE", "weight": "100"},
    "zip: pattern": lambda row: row | {"zip": row["zip"][1:]},
    "units: range": lambda row: row | {"units": "0", "revenue": "0.00"},
    "key: other values": lambda row: row | {"id": "1"},
}  # fmt: skip


def good_row(number: int, rng: Random) -> Row:
    sold = BEGIN + timedelta(minutes=number * 5)
    place, units, cents = rng.randrange(60), rng.randrange(1, 9), rng.randrange(100, 200_000)
    is_open, land = rng.random() < 0.5, rng.choice(["DE", "AT", "NA"])
    return {
        "id": str(number + 1),
        "sold_at": f"{sold:%Y-%m-%dT%H:%MZ}",
        "status": "open" if is_open else "shipped",
        "shipped_at": "NA" if is_open else f"{sold + timedelta(hours=30):%Y-%m-%dT%H:%MZ}",
        "units": str(units),
        "price": f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}",
        "revenue": f"{units * cents / 100:.2f}",
        "zip": f"{place:05}",
        "city": rng.choice(["N. Ulm", "Neu-Ulm "]) if place % 6 == 1 else CITIES[place % 6],
        "land": land,
        "rate": "7" if land == "NA" else rng.choice(["7", "19"]),
        "paid": f"{sold + timedelta(days=2):%d.%m.%Y}",
        "seen": str(int(sold.timestamp() * 1000)),
        "weight": f"{rng.gauss(100, 5) if land == 'AT' else rng.gauss(10, 1):.1f}",
    }


def planted_sales(rows: int, each: int, seed: int) -> Planted:
    """A table with `each` errors of every kind; without errors if there are none of each."""
    rng = Random(seed)
    return spoilt([good_row(number, rng) for number in range(rows)], KINDS, each, rng)

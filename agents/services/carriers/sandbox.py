"""The sandbox's two carriers: the contract of agents/services/carriers/http_api.py."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection, Row
from typing import Any

import orjson

from agents.services.sandbox.operation import (
    Incoming,
    Operation,
    Refusal,
    Reply,
    by_none,
    slice_of,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS shipments (
  n INTEGER PRIMARY KEY, carrier TEXT NOT NULL, key TEXT NOT NULL, reference TEXT NOT NULL,
  tracking_id TEXT NOT NULL, status TEXT NOT NULL, parcel TEXT NOT NULL,
  created REAL NOT NULL DEFAULT 0, UNIQUE (carrier, key));
"""

PO_BOX = re.compile(r"\bp\.?\s*o\.?\s*box\b|\bpost office box\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a carrier takes."""

    prefix: str
    most_grams: int
    countries: frozenset[str]
    days: int  # from the booking to the delivery


TERMS = {
    "swift": Terms("SW", 5_000, frozenset({"US"}), 2),
    "bulky": Terms("BK", 30_000, frozenset({"US", "CA", "MX"}), 5),
}


def book(db: Connection, incoming: Incoming) -> Reply:
    """Book a parcel unless the carrier's terms refuse it."""
    carrier, key, parcel = incoming.path["carrier"], incoming.path["key"], incoming.json()
    if (known := _shipment(db, carrier, key)) is not None:
        if known["status"] == "cancelled":
            raise Refusal(Reply(409, {"error": "closed"}))
        return _reply(known)
    terms = _terms(carrier)
    if incoming.fault == "refuse":
        raise _refused("capacity", "no capacity for this parcel")
    _check(terms, parcel)
    number = db.execute("SELECT coalesce(max(n), 0) + 1 FROM shipments").fetchone()[0]
    _insert(db, incoming, f"{terms.prefix}{number:010d}", "booked", parcel)
    return _found(db, carrier, key)


def find(db: Connection, incoming: Incoming) -> Reply:
    """The shipment, or 404."""
    return _found(db, incoming.path["carrier"], incoming.path["key"])


def listed(db: Connection, incoming: Incoming) -> Reply:
    """The carrier's shipments by key, a page of them."""
    since, after, limit = slice_of(incoming)
    rows = db.execute(
        "SELECT carrier, key, tracking_id, status, created FROM shipments"
        " WHERE carrier = ? AND key > ? AND created >= ? ORDER BY key LIMIT ?",
        (incoming.path["carrier"], after, since, limit + 1),
    ).fetchall()
    found = [{"key": row["key"], "created": row["created"], **_shown(row)} for row in rows[:limit]]
    return Reply(200, {"shipments": found, "has_more": len(rows) > limit})


def cancel(db: Connection, incoming: Incoming) -> Reply:
    """Cancel and close the key, seen or not."""
    carrier, key = incoming.path["carrier"], incoming.path["key"]
    _terms(carrier)
    if _shipment(db, carrier, key) is None:
        _insert(db, incoming, "", "cancelled", {})
    else:
        db.execute(
            "UPDATE shipments SET status = 'cancelled' WHERE carrier = ? AND key = ?",
            (carrier, key),
        )
    return _found(db, carrier, key)


def _check(terms: Terms, parcel: dict[str, Any]) -> None:
    weight = parcel.get("weight_grams")
    if not isinstance(weight, int) or weight < 0:
        raise _refused("weight", "the weight is a whole number of grams")
    if weight > terms.most_grams:
        raise _refused("weight", f"{weight} g is over the limit of {terms.most_grams} g")
    if parcel.get("country") not in terms.countries:
        raise _refused("country", f"only {', '.join(sorted(terms.countries))}")
    if PO_BOX.search(str(parcel.get("line1", ""))):
        raise _refused("po_box", "no delivery to P.O. boxes")
    if not str(parcel.get("postal_code", "")).strip():
        raise _refused("postal_code", "the postal code is missing")


def _refused(rule: str, message: str) -> Refusal:
    return Refusal(Reply(422, {"rule": rule, "message": message}))


def _terms(carrier: str) -> Terms:
    if carrier not in TERMS:
        raise Refusal(Reply(404, {"error": "unknown_carrier"}))
    return TERMS[carrier]


def _insert(
    db: Connection, incoming: Incoming, tracking_id: str, status: str, parcel: dict[str, Any]
) -> None:
    db.execute(
        "INSERT INTO shipments (carrier, key, reference, tracking_id, status, parcel, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            incoming.path["carrier"],
            incoming.path["key"],
            str(parcel.get("reference", "")),
            tracking_id,
            status,
            orjson.dumps(parcel).decode(),
            time.time(),
        ),
    )


def _shipment(db: Connection, carrier: str, key: str) -> Row | None:
    row: Row | None = db.execute(
        "SELECT * FROM shipments WHERE carrier = ? AND key = ?", (carrier, key)
    ).fetchone()
    return row


def _found(db: Connection, carrier: str, key: str) -> Reply:
    row = _shipment(db, carrier, key)
    if row is None:
        raise Refusal(Reply(404, {"error": "unknown_shipment"}))
    return _reply(row)


def _reply(row: Row) -> Reply:
    return Reply(200, _shown(row))


def _shown(row: Row) -> dict[str, Any]:
    """A shipment, with the day of its delivery while it is booked."""
    body = {"tracking_id": row["tracking_id"], "status": row["status"]}
    if row["status"] != "booked":
        return body
    due = datetime.fromtimestamp(row["created"], UTC) + timedelta(days=TERMS[row["carrier"]].days)
    return body | {"arrives_on": due.date().isoformat()}


def _subject(db: Connection, incoming: Incoming) -> tuple[str, str]:
    key = incoming.path["key"]
    if incoming.method == "PUT":
        return key, str(incoming.json().get("reference", ""))
    known = _shipment(db, incoming.path["carrier"], key)
    return key, known["reference"] if known is not None else ""


PATH = "/carriers/{carrier}/shipments/{key:path}"
OPERATIONS = (
    Operation("carriers.book", "PUT", PATH, _subject, book, faults=("refuse",)),
    Operation("carriers.find", "GET", PATH, _subject, find),
    Operation("carriers.list", "GET", "/carriers/{carrier}/shipments", by_none, listed),
    Operation("carriers.cancel", "DELETE", PATH, _subject, cancel),
)

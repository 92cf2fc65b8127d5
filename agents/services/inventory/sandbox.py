"""The sandbox's warehouse: the contract of agents/services/inventory/http_api.py."""

import time
from collections import Counter
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Any

from agents.services.inventory.stock_file import read_stock
from agents.services.sandbox.operation import (
    Incoming,
    Operation,
    Refusal,
    Reply,
    by_key,
    by_none,
    slice_of,
)
from agents.services.sandbox.record import transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS stock (
  sku TEXT PRIMARY KEY, initial INTEGER NOT NULL, on_hand INTEGER NOT NULL CHECK (on_hand >= 0),
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0), shipped INTEGER NOT NULL DEFAULT 0,
  weight_grams INTEGER NOT NULL, CHECK (on_hand + reserved + shipped = initial)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservations (
  key TEXT PRIMARY KEY, status TEXT NOT NULL, weight_grams INTEGER NOT NULL,
  created REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservation_lines (
  key TEXT NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL,
  PRIMARY KEY (key, sku)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken_back (
  key TEXT NOT NULL, sku TEXT NOT NULL, quantity INTEGER NOT NULL,
  PRIMARY KEY (key, sku)) WITHOUT ROWID;
"""

LARGEST = 10**12


def _by_sku(_: Connection, incoming: Incoming) -> tuple[str, str]:
    return incoming.path.get("sku", ""), ""


def reserve(db: Connection, incoming: Incoming) -> Reply:
    """Hold all lines or none."""
    key, lines = incoming.path["key"], _lines(incoming)
    if held := _reservation(db, key):
        if held["status"] == "released":
            raise _conflict("closed")
        if _held_lines(db, key) != lines:
            raise _conflict("other_lines")
        return _reply(held)
    weight = sum(_covered(db, sku, quantity) * quantity for sku, quantity in lines.items())
    for sku, quantity in lines.items():
        db.execute(
            "UPDATE stock SET on_hand = on_hand - ?, reserved = reserved + ? WHERE sku = ?",
            (quantity, quantity, sku),
        )
        db.execute("INSERT INTO reservation_lines VALUES (?, ?, ?)", (key, sku, quantity))
    _insert(db, key, "held", weight)
    return _found(db, key)


def find(db: Connection, incoming: Incoming) -> Reply:
    """The reservation, or 404."""
    return _found(db, incoming.path["key"])


def listed(db: Connection, incoming: Incoming) -> Reply:
    """Reservations by key, a page of them."""
    since, after, limit = slice_of(incoming)
    rows = db.execute(
        "SELECT * FROM reservations WHERE key > ? AND created >= ? ORDER BY key LIMIT ?",
        (after, since, limit + 1),
    ).fetchall()
    found = [dict(row) for row in rows[:limit]]
    return Reply(200, {"reservations": found, "has_more": len(rows) > limit})


def issue(db: Connection, incoming: Incoming) -> Reply:
    """The held pieces leave."""
    held = _known(db, incoming.path["key"])
    if held["status"] == "released":
        raise _conflict("closed")
    if held["status"] == "held":
        _move(db, held["key"], "shipped", "issued")
    return _found(db, held["key"])


def release(db: Connection, incoming: Incoming) -> Reply:
    """Held pieces are for sale again and the key is closed."""
    key = incoming.path["key"]
    held = _reservation(db, key)
    if held is None:
        _insert(db, key, "released", 0)
    elif held["status"] == "issued":
        raise _conflict("issued")
    elif held["status"] == "held":
        _move(db, key, "on_hand", "released")
    return _found(db, key)


def take_back(db: Connection, incoming: Incoming) -> Reply:
    """Pieces that have left are for sale again."""
    key, lines = incoming.path["key"], _lines(incoming)
    before = _lines_back(db, key)
    if before and before != lines:
        raise _conflict("other_lines")
    if not before:
        for sku, quantity in lines.items():
            _require_left(db, sku, quantity)
            db.execute(
                "UPDATE stock SET shipped = shipped - ?1, on_hand = on_hand + ?1 WHERE sku = ?2",
                (quantity, sku),
            )
            db.execute("INSERT INTO taken_back VALUES (?, ?, ?)", (key, sku, quantity))
    return find_back(db, incoming)


def find_back(db: Connection, incoming: Incoming) -> Reply:
    """The pieces that came back under the key, or 404."""
    key = incoming.path["key"]
    lines = [{"sku": sku, "quantity": n} for sku, n in _lines_back(db, key).items()]
    if not lines:
        raise Refusal(Reply(404, {"error": "unknown_return"}))
    return Reply(200, {"key": key, "lines": lines})


def stock(db: Connection, incoming: Incoming) -> Reply:
    """The numbers of a SKU, or 404."""
    row = db.execute("SELECT * FROM stock WHERE sku = ?", (incoming.path["sku"],)).fetchone()
    if row is None:
        raise Refusal(Reply(404, {"error": "unknown_sku", "sku": incoming.path["sku"]}))
    return Reply(200, dict(row))


def set_stock(db: Connection, incoming: Incoming) -> Reply:
    """Set what is available of a SKU, for tests and for a user's own goods."""
    sku, body = incoming.path["sku"], incoming.json()
    on_hand, weight = _count(body, "on_hand", 0), _count(body, "weight_grams", 0)
    db.execute(
        "INSERT INTO stock (sku, initial, on_hand, weight_grams) VALUES (?1, ?2, ?2, ?3)"
        " ON CONFLICT (sku) DO UPDATE SET"
        " initial = ?2 + reserved + shipped, on_hand = ?2, weight_grams = ?3",
        (sku, on_hand, weight),
    )
    return stock(db, incoming)


def add_stock(db: Connection, incoming: Incoming) -> Reply:
    """Add the SKUs that are not there yet; the others stay as they are."""
    rows = incoming.json().get("stock", [])
    for row in rows:
        _add(db, _sku(row), _count(row, "on_hand", 0), _count(row, "weight_grams", 0))
    return Reply(200, {"skus": len(rows)})


def load_stock(db: Connection, file: Path) -> None:
    """Add the file's SKUs that the record does not have. Raises BadStock."""
    with transaction(db):
        for sku, on_hand, weight in read_stock(file):
            _add(db, sku, on_hand, weight)


def _add(db: Connection, sku: str, on_hand: int, weight: int) -> None:
    db.execute(
        "INSERT OR IGNORE INTO stock (sku, initial, on_hand, weight_grams) VALUES (?, ?, ?, ?)",
        (sku, on_hand, on_hand, weight),
    )


def _lines(incoming: Incoming) -> Counter[str]:
    lines = incoming.json().get("lines")
    if not isinstance(lines, list) or not lines:
        raise Refusal(Reply(400, {"error": "bad_lines", "message": "lines is a list, not empty"}))
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[_sku(line)] += _count(line, "quantity", 1)
    return wanted


def _sku(row: object) -> str:
    sku = row.get("sku") if isinstance(row, dict) else None
    if not isinstance(sku, str) or not sku:
        raise Refusal(Reply(400, {"error": "bad_sku", "message": "a line has a sku, not empty"}))
    return sku


def _count(body: dict[str, Any], name: str, least: int) -> int:
    value = body.get(name)
    if type(value) is not int or not least <= value <= LARGEST:
        text = f"{name} is a whole number from {least} to {LARGEST}"
        raise Refusal(Reply(400, {"error": "bad_number", "message": text}))
    return value


def _covered(db: Connection, sku: str, quantity: int) -> int:
    """The weight of a piece. Raises Refusal if there are too few."""
    row = db.execute("SELECT on_hand, weight_grams FROM stock WHERE sku = ?", (sku,)).fetchone()
    if row is None:
        raise Refusal(Reply(422, {"error": "unknown_sku", "sku": sku}))
    if row["on_hand"] < quantity:
        body = {
            "error": "out_of_stock",
            "sku": sku,
            "wanted": quantity,
            "available": row["on_hand"],
        }
        raise Refusal(Reply(422, body))
    return int(row["weight_grams"])


def _require_left(db: Connection, sku: str, quantity: int) -> None:
    row = db.execute("SELECT shipped FROM stock WHERE sku = ?", (sku,)).fetchone()
    if row is None:
        raise Refusal(Reply(422, {"error": "unknown_sku", "sku": sku}))
    if row["shipped"] < quantity:
        raise Refusal(Reply(422, {"error": "never_left", "sku": sku}))


def _move(db: Connection, key: str, to: str, status: str) -> None:
    assert to in ("on_hand", "shipped")
    for sku, quantity in _held_lines(db, key).items():
        db.execute(
            f"UPDATE stock SET reserved = reserved - ?, {to} = {to} + ? WHERE sku = ?",  # noqa: S608 - a column of ours
            (quantity, quantity, sku),
        )
    db.execute("UPDATE reservations SET status = ? WHERE key = ?", (status, key))


def _held_lines(db: Connection, key: str) -> Counter[str]:
    rows = db.execute("SELECT sku, quantity FROM reservation_lines WHERE key = ?", (key,))
    return Counter({str(sku): int(quantity) for sku, quantity in rows})


def _lines_back(db: Connection, key: str) -> Counter[str]:
    rows = db.execute("SELECT sku, quantity FROM taken_back WHERE key = ?", (key,))
    return Counter({str(sku): int(quantity) for sku, quantity in rows})


def _insert(db: Connection, key: str, status: str, weight: int) -> None:
    db.execute("INSERT INTO reservations VALUES (?, ?, ?, ?)", (key, status, weight, time.time()))


def _reservation(db: Connection, key: str) -> Row | None:
    row: Row | None = db.execute("SELECT * FROM reservations WHERE key = ?", (key,)).fetchone()
    return row


def _known(db: Connection, key: str) -> Row:
    row = _reservation(db, key)
    if row is None:
        raise Refusal(Reply(404, {"error": "unknown_reservation"}))
    return row


def _found(db: Connection, key: str) -> Reply:
    return _reply(_known(db, key))


def _reply(row: Row) -> Reply:
    return Reply(200, dict(row))


def _conflict(error: str) -> Refusal:
    return Refusal(Reply(409, {"error": error}))


OPERATIONS = (
    Operation("inventory.issue", "POST", "/inventory/reservations/{key:path}/issue", by_key, issue),
    Operation(
        "inventory.release", "POST", "/inventory/reservations/{key:path}/release", by_key, release
    ),
    Operation("inventory.reserve", "PUT", "/inventory/reservations/{key:path}", by_key, reserve),
    Operation("inventory.find", "GET", "/inventory/reservations/{key:path}", by_key, find),
    Operation("inventory.list", "GET", "/inventory/reservations", by_none, listed),
    Operation("inventory.take_back", "PUT", "/inventory/returns/{key:path}", by_key, take_back),
    Operation("inventory.find_back", "GET", "/inventory/returns/{key:path}", by_key, find_back),
    Operation("inventory.stock", "GET", "/inventory/stock/{sku:path}", _by_sku, stock),
    Operation(
        "inventory.set_stock",
        "PUT",
        "/inventory/stock/{sku:path}",
        _by_sku,
        set_stock,
        recorded=False,
    ),
    Operation(
        "inventory.add_stock", "POST", "/inventory/stock", _by_sku, add_stock, recorded=False
    ),
)

"""The sandbox's durable record: the judge of what was charged, held, shipped and said."""

import csv
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from agents.runtime.errors import AgentError

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
  n INTEGER PRIMARY KEY, at REAL NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL,
  reference TEXT NOT NULL, fault TEXT NOT NULL, status INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS calls_by_key ON calls (operation, key);
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
CREATE TABLE IF NOT EXISTS payment_intents (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, reference TEXT NOT NULL, amount INTEGER NOT NULL,
  currency TEXT NOT NULL, method TEXT, status TEXT NOT NULL, capture_method TEXT NOT NULL,
  received INTEGER NOT NULL DEFAULT 0 CHECK (received <= amount), metadata TEXT NOT NULL,
  last_error TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payment_intents_by_reference ON payment_intents (reference);
CREATE TABLE IF NOT EXISTS refunds (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, payment_intent TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refunds_by_payment ON refunds (payment_intent);
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY, created REAL NOT NULL, fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shipments (
  n INTEGER PRIMARY KEY, carrier TEXT NOT NULL, key TEXT NOT NULL, reference TEXT NOT NULL,
  tracking_id TEXT NOT NULL, status TEXT NOT NULL, parcel TEXT NOT NULL,
  created REAL NOT NULL DEFAULT 0, UNIQUE (carrier, key));
CREATE TABLE IF NOT EXISTS notifications (
  n INTEGER PRIMARY KEY, at REAL NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL,
  receiver TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL);
"""

STOCK_COLUMNS = ("sku", "on_hand", "weight_grams")


class BadStock(AgentError):
    """The stock file cannot be read; `problem` names the line."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"stock file: {self.problem}"


def open_record(data: Path) -> sqlite3.Connection:
    """Open or create `<data>/sandbox.db`."""
    db = sqlite3.connect(data / "sandbox.db", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    # Enough for a killed process, our fault; only a killed kernel could lose the last commits.
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA busy_timeout=10000")
    db.executescript(SCHEMA)
    for table in ("reservations", "shipments"):  # a record that an earlier release began
        if not any(
            column["name"] == "created" for column in db.execute(f"PRAGMA table_info({table})")
        ):
            db.execute(f"ALTER TABLE {table} ADD COLUMN created REAL NOT NULL DEFAULT 0")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def load_stock(db: sqlite3.Connection, file: Path) -> None:
    """Add the file's SKUs that the record does not have. Raises BadStock."""
    with transaction(db):
        for sku, on_hand, weight in read_stock(file):
            db.execute(
                "INSERT OR IGNORE INTO stock (sku, initial, on_hand, weight_grams) VALUES (?, ?, ?, ?)",
                (sku, on_hand, on_hand, weight),
            )


def read_stock(file: Path) -> list[tuple[str, int, int]]:
    """The rows of a CSV file with columns sku, on_hand, weight_grams. Raises BadStock."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            if missing := set(STOCK_COLUMNS) - set(rows.fieldnames or ()):
                raise BadStock(f"column {', '.join(sorted(missing))} is missing")
            return [_stock_row(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadStock(f"{file.name} cannot be read: {type(error).__name__}") from error


def _stock_row(line: int, row: dict[str, Any]) -> tuple[str, int, int]:
    try:
        sku, on_hand, weight = str(row["sku"]), int(row["on_hand"]), int(row["weight_grams"])
    except (TypeError, ValueError):
        raise BadStock(f"line {line}: on_hand and weight_grams are whole numbers") from None
    if not sku or on_hand < 0 or weight < 0:
        raise BadStock(f"line {line}: sku is empty or a number is negative")
    return sku, on_hand, weight


def summary(db: sqlite3.Connection) -> dict[str, Any]:
    """The record in a few numbers, for GET /record."""

    def count(sql: str) -> dict[str, int]:
        return {str(name): int(number) for name, number in db.execute(sql)}

    with closing(
        db.execute("SELECT sum(initial), sum(on_hand), sum(reserved), sum(shipped) FROM stock")
    ) as rows:
        stock = [int(number or 0) for number in rows.fetchone()]
    return {
        "at": time.time(),
        "stock": dict(zip(("initial", "on_hand", "reserved", "shipped"), stock, strict=True)),
        "reservations": count("SELECT status, count(*) FROM reservations GROUP BY 1"),
        "payments": count("SELECT status, count(*) FROM payment_intents GROUP BY 1"),
        "captured": count("SELECT currency, sum(received) FROM payment_intents GROUP BY 1"),
        "refunded": count(
            "SELECT p.currency, sum(r.amount) FROM refunds r"
            " JOIN payment_intents p ON p.id = r.payment_intent GROUP BY 1"
        ),
        "shipments": count("SELECT carrier || ' ' || status, count(*) FROM shipments GROUP BY 1"),
        "notifications": count("SELECT channel, count(*) FROM notifications GROUP BY 1"),
        "calls": count("SELECT operation, count(*) FROM calls GROUP BY 1"),
        "faults": count(
            "SELECT operation || ':' || fault, count(*) FROM calls WHERE fault <> '' GROUP BY 1"
        ),
    }

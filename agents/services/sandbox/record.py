"""The sandbox's durable record: one SQLite file that says what was charged, held, shipped and sent."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
  n INTEGER PRIMARY KEY, at REAL NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL,
  reference TEXT NOT NULL, fault TEXT NOT NULL, status INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS calls_by_key ON calls (operation, key);
CREATE INDEX IF NOT EXISTS calls_by_reference ON calls (operation, reference);
CREATE TABLE IF NOT EXISTS things (
  n INTEGER PRIMARY KEY, system TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL,
  body TEXT NOT NULL, created REAL NOT NULL, UNIQUE (system, key));
"""
# Columns that tables of an earlier release lack.
GROWN = {
    "reservations": ("created REAL NOT NULL DEFAULT 0",),
    "shipments": ("created REAL NOT NULL DEFAULT 0",),
    "payment_intents": ("authorised REAL", "cancelled_by TEXT"),
    "refunds": (
        "status TEXT NOT NULL DEFAULT 'succeeded'",
        "then_status TEXT",
        "due REAL",
        "failure_reason TEXT",
    ),
}


def open_record(data: Path, schema: str) -> sqlite3.Connection:
    """Open or create `<data>/sandbox.db` with the calls and the tables of `schema`."""
    db = sqlite3.connect(data / "sandbox.db", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    # This survives a killed process, which tests cause; only a power failure could lose the last commits.
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA busy_timeout=10000")
    db.executescript(SCHEMA + schema)
    for table, grown in GROWN.items():
        columns = {column["name"] for column in db.execute(f"PRAGMA table_info({table})")}
        for column in grown:
            if columns and column.partition(" ")[0] not in columns:
                db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit the block as a whole, or roll it back."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")

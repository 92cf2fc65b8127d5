"""The lower bound of our runtime: the same rows and transactions with plain sqlite3 and no engine.

python -m tests.benchmarks.floor --orders N
"""

import argparse
import hashlib
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import orjson
from sqlalchemy import create_engine

from agents.runtime.execution.step import GROUP_ITEMS
from agents.runtime.journal.quick import SQLITE_PRAGMAS
from agents.runtime.journal.schema import metadata
from agents.runtime.settings import settings
from tests.benchmarks.machine import tell
from tests.benchmarks.trivial_steps import BATCH, STEPS, document

OWNER = "host-4242-0123456789ab"

SHARE = """INSERT INTO shares VALUES ('trivial', 'default', 'normal', ?)
 ON CONFLICT DO UPDATE SET finish = max(finish, ?) + ? RETURNING finish"""
ACCEPT = """INSERT INTO items (id, tenant, scenario, version, key, priority, rank, trace, body_hash, body,
 state, fence, deaths, sequence, cancel_requested, accepted_at)
 VALUES (?, 'default', 'trivial', '1', ?, 'normal', ?, ?, ?, ?, 'pending', 0, 0, 1, 0, ?)
 ON CONFLICT DO NOTHING"""
CLAIM = "UPDATE items SET state='processing', owner=?, fence=1, sequence=2 WHERE id=?"
END = "UPDATE items SET state='completed', owner=NULL, sequence=3, ended_at=?, outcome='done' WHERE id=?"
HISTORY = """INSERT INTO history (item, sequence, at, event, source, target, owner, fence, detail)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)"""
STAGE = """INSERT INTO stages (item, agent, occurrence, version, status, attempts, at, output, error)
 VALUES (?, ?, 0, '1', 'done', 0, ?, ?, NULL)"""


def open_floor(path: Path) -> sqlite3.Connection:
    """An empty journal with the runtime's tables and pragmas."""
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def floor_orders(connection: sqlite3.Connection, first: int, count: int) -> float:
    """Seconds for this many orders; numbers begin with 1."""
    begun = time.perf_counter()
    for start in range(first, first + count, BATCH):
        _batch(connection, range(start, min(start + BATCH, first + count)))
    return time.perf_counter() - begun


def _batch(connection: sqlite3.Connection, numbers: range) -> None:
    docs, at = [document(number) for number in numbers], time.time()
    bodies = [orjson.dumps(doc).decode() for doc in docs]
    hashes = [hashlib.sha256(body.encode()).hexdigest() for body in bodies]
    traces = [secrets.token_hex(16) for _ in docs]
    connection.execute("BEGIN IMMEDIATE")
    rows = zip(docs, traces, hashes, bodies, strict=True)
    connection.execute(SHARE, (at + len(docs), at, len(docs))).fetchall()
    connection.executemany(ACCEPT, [(d.id, str(d.id), at, *rest, at) for d, *rest in rows])
    _history(connection, numbers, 1, "accept", None, "pending", None)
    connection.executemany(CLAIM, [(OWNER, number) for number in numbers])
    _history(connection, numbers, 2, "claim", "pending", "processing", OWNER)
    connection.execute("COMMIT")
    for name in STEPS:
        docs, at = [doc.after(name) for doc in docs], time.time()
        for group in range(0, len(docs), GROUP_ITEMS):
            together = docs[group : group + GROUP_ITEMS]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                STAGE, [(d.id, name, at, orjson.dumps(d).decode()) for d in together]
            )
            connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(END, [(at, number) for number in numbers])
    _history(connection, numbers, 3, "complete", "processing", "completed", OWNER)
    connection.execute("COMMIT")


def _history(
    connection: sqlite3.Connection, numbers: range, sequence: int, *change: object
) -> None:
    event, source, target, owner = change
    at, fence = time.time(), min(sequence - 1, 1)
    rows = [(n, sequence, at, event, source, target, owner, fence) for n in numbers]
    connection.executemany(HISTORY, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, required=True)
    orders = parser.parse_args().orders
    with closing(open_floor(settings().data / "floor.db")) as database:
        floor_seconds = floor_orders(database, 1, orders)
        ended = database.execute("SELECT count(*) FROM items WHERE state = 'completed'").fetchone()
        rows = database.execute(
            "SELECT count(*) FROM history UNION ALL SELECT count(*) FROM stages"
        )
        (history,), (steps,) = rows
    tell(
        {
            "orders": ended[0],
            "history": history,
            "stages": steps,
            "steps_per_s": orders * len(STEPS) / floor_seconds,
        }
    )

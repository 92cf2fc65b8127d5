"""The lower bound of our queue on SQLite: the same rows and transactions with plain sqlite3."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from tests.benchmarks.floor import OWNER, open_floor
from tests.benchmarks.new_rows import new_rows

ACCEPT = """INSERT INTO items (tenant, scenario, version, key, priority, rank, trace, body_hash, body,
 state, fence, deaths, sequence, cancel_requested, accepted_at)
 VALUES ('default', 'trivial', '1', ?, 'normal', ?, ?, ?, ?, 'pending', 0, 0, 1, 0, ?)
 ON CONFLICT DO NOTHING RETURNING id"""
SHARE = """INSERT INTO shares (scenario, tenant, priority, finish)
 VALUES ('trivial', 'default', 'normal', ?)
 ON CONFLICT DO UPDATE SET finish = excluded.finish"""
CLAIM = """UPDATE items SET state = 'processing', owner = ?, fence = fence + 1, sequence = 2
 WHERE id IN (SELECT id FROM items WHERE scenario = 'trivial' AND state = 'pending'
 AND retry_at IS NULL AND deaths = 0 ORDER BY rank, id LIMIT ?) RETURNING id, body"""
QUEUE = """INSERT INTO queues (scenario, virtual, at) VALUES ('trivial', ?, ?)
 ON CONFLICT DO UPDATE SET virtual = excluded.virtual, at = excluded.at"""
END = """UPDATE items SET state = 'completed', owner = NULL, sequence = 3, ended_at = ?,
 outcome = 'done' WHERE id = ? AND owner = ? AND fence = 1"""
HISTORY = """INSERT INTO history (item, sequence, at, event, source, target, owner, fence, detail)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)"""


class BareSqlite:
    """The rows of a queue, without any check."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self._ranks = connection, count(1.0)

    async def accept(self, numbers: Sequence[int]) -> None:
        """Write the rows of an acceptance in one transaction."""
        at, rows = time.time(), new_rows(numbers)
        with self._transaction() as write:
            write.execute(SHARE, (at,))
            ids = [
                write.execute(ACCEPT, (key, next(self._ranks), *rest, at)).fetchone()[0]
                for key, *rest in rows
            ]
            _record(write, ids, 1, "accept", None, "pending", None)

    async def take(self, most: int) -> int:
        """Write the rows of a claim in one transaction and those of the ends in another."""
        at = time.time()
        with self._transaction() as write:
            ids = [row[0] for row in write.execute(CLAIM, (OWNER, most)).fetchall()]
            _record(write, ids, 2, "claim", "pending", "processing", OWNER)
            write.execute(QUEUE, (at, at))
        with self._transaction() as write:
            write.executemany(END, [(at, number, OWNER) for number in ids])
            _record(write, ids, 3, "complete", "processing", "completed", OWNER)
        return len(ids)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        yield self._connection
        self._connection.execute("COMMIT")


@contextmanager
def bare_sqlite(path: Path) -> Iterator[BareSqlite]:
    """An empty journal in a file."""
    with closing(open_floor(path)) as connection:
        yield BareSqlite(connection)


def _record(
    write: sqlite3.Connection, ids: Iterable[int], sequence: int, *change: str | None
) -> None:
    at, fence = time.time(), min(sequence - 1, 1)
    write.executemany(HISTORY, [(number, sequence, at, *change, fence) for number in ids])

"""The lower bound of our queue on PostgreSQL: the same rows and transactions with plain asyncpg."""

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import asyncpg

from agents.runtime.journal.database import Database
from tests.benchmarks.floor import OWNER
from tests.benchmarks.new_rows import new_rows

ACCEPT = """INSERT INTO items (tenant, scenario, version, key, priority, rank, trace, body_hash, body,
 state, fence, deaths, sequence, cancel_requested, accepted_at)
 SELECT 'default', 'trivial', '1', key, 'normal', rank, trace, hash, body, 'pending', 0, 0, 1, false, $6
 FROM unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::text[])
 AS new (key, rank, trace, hash, body) ON CONFLICT DO NOTHING RETURNING id"""
SHARE = """INSERT INTO shares (scenario, tenant, priority, finish)
 VALUES ('trivial', 'default', 'normal', $1)
 ON CONFLICT (scenario, tenant, priority) DO UPDATE SET finish = excluded.finish"""
CLAIM = """WITH first AS MATERIALIZED (SELECT id FROM items WHERE scenario = 'trivial'
 AND state = 'pending' AND retry_at IS NULL AND deaths = 0 ORDER BY rank, id LIMIT $2
 FOR UPDATE SKIP LOCKED)
 UPDATE items SET state = 'processing', owner = $1, fence = fence + 1, sequence = 2
 FROM first WHERE items.id = first.id RETURNING items.id, items.body"""
QUEUE = """INSERT INTO queues (scenario, virtual, at) VALUES ('trivial', $1, $1)
 ON CONFLICT (scenario) DO UPDATE SET virtual = excluded.virtual, at = excluded.at"""
END = """UPDATE items SET state = 'completed', owner = NULL, sequence = 3, ended_at = $1,
 outcome = 'done' WHERE id = ANY($2::bigint[]) AND owner = $3 AND fence = 1"""
HISTORY = """INSERT INTO history (item, sequence, at, event, source, target, owner, fence)
 SELECT id, $2, $3, $4, $5, $6, $7, $8 FROM unnest($1::bigint[]) AS moved (id)"""


class BarePostgres:
    """The rows of a queue, without any check."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._ranks = connection, count(1.0)

    async def accept(self, numbers: Sequence[int]) -> None:
        """Write the rows of an acceptance in one transaction."""
        at = time.time()
        keys, traces, hashes, bodies = zip(*new_rows(numbers), strict=True)
        ranks = [next(self._ranks) for _ in keys]
        async with self._connection.transaction():
            await self._connection.execute(SHARE, at)
            rows = await self._connection.fetch(ACCEPT, keys, ranks, traces, hashes, bodies, at)
            await self._record([row["id"] for row in rows], 1, "accept", None, "pending", None)

    async def take(self, most: int) -> int:
        """Write the rows of a claim in one transaction and those of the ends in another."""
        at, write = time.time(), self._connection
        async with write.transaction():
            ids = [row["id"] for row in await write.fetch(CLAIM, OWNER, most)]
            await self._record(ids, 2, "claim", "pending", "processing", OWNER)
            await write.execute(QUEUE, at)
        async with write.transaction():
            await write.execute(END, at, ids, OWNER)
            await self._record(ids, 3, "complete", "processing", "completed", OWNER)
        return len(ids)

    async def _record(self, ids: Iterable[int], sequence: int, *change: str | None) -> None:
        fence = min(sequence - 1, 1)
        await self._connection.execute(HISTORY, ids, sequence, time.time(), *change, fence)


@asynccontextmanager
async def bare_postgres(url: str) -> AsyncIterator[BarePostgres]:
    """An empty journal in the database of this URL."""
    database = Database(url)
    await database.migrate()
    await database.close()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield BarePostgres(connection)
    finally:
        await connection.close()

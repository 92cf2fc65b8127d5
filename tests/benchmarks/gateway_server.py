"""Servers for the gateway's benchmark: the gateway as it is shipped, and three bare endpoints.

python -m tests.benchmarks.gateway_server KIND: ours, parse, commit or grouped; it prints its port and,
for ours, a key. The bare endpoints run in the same framework and server. `parse` reads the body as
JSON, `commit` also commits the rows of an accepted order, and `grouped` those of one moment in one
transaction. They know no callers, check no order and recognise no repetition.
"""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from agents.runtime.context import open_runtime
from agents.runtime.journal import api_keys
from agents.runtime.settings import settings
from deployments.gateway.__main__ import _config
from deployments.gateway.access import Scope
from flows.cli.http_endpoint import listen, serving

TOGETHER = 256
ITEM = {
    "tenant": "default", "scenario": "orders", "version": "1", "state": "pending", "fence": 0,
    "deaths": 0, "sequence": 1, "cancel_requested": False, "priority": "normal", "body_hash": "0" * 64,
    "trace": "0" * 32,
}  # fmt: skip
Row = tuple[str, str, str]  # key of the item, idempotency key, body
Write = Callable[[list[Row]], Awaitable[None]]


def _columns() -> str:
    return ", ".join([*ITEM, "rank", "accepted_at", "key", "body"])


def _values() -> list[Any]:
    now = time.time()
    return [*ITEM.values(), now, now]


@asynccontextmanager
async def sqlite_writer(url: str) -> AsyncIterator[Write]:
    """Writes by the driver alone, each transaction on the disk."""
    connection = sqlite3.connect(
        url.removeprefix("sqlite+aiosqlite:///"), isolation_level=None, check_same_thread=False
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    marks = ", ".join("?" * (len(ITEM) + 4))

    def write(rows: list[Row]) -> None:
        now = time.time()
        connection.execute("BEGIN IMMEDIATE")
        for key, _, body in rows:
            connection.execute(
                f"INSERT INTO items ({_columns()}) VALUES ({marks})", [*_values(), key, body]
            )
        (last,) = connection.execute("SELECT max(id) FROM items").fetchone()
        connection.executemany(
            "INSERT INTO history (item, sequence, at, event, target, fence) "
            "VALUES (?, 1, ?, 'accept', 'pending', 0)",
            [(last - n, now) for n in range(len(rows))],
        )
        connection.executemany(
            "INSERT INTO api_requests VALUES ('default', ?, ?, 202, '{}', ?, ?)",
            [(used, "0" * 64, "{}", now) for _, used, _ in rows],
        )
        connection.execute("COMMIT")

    yield lambda rows: asyncio.to_thread(write, rows)
    connection.close()


@asynccontextmanager
async def postgresql_writer(url: str) -> AsyncIterator[Write]:
    """As `sqlite_writer`, with one array per column."""
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"))
    fixed = ", ".join(f"${n + 3}" for n in range(len(ITEM) + 2))
    insert = (
        f"INSERT INTO items ({_columns()}) SELECT {fixed}, key, body "
        "FROM unnest($1::text[], $2::text[]) AS new (key, body) RETURNING id"
    )

    async def write(rows: list[Row]) -> None:
        keys, used, bodies = (list(column) for column in zip(*rows, strict=True))
        async with connection.transaction():
            made = await connection.fetch(insert, keys, bodies, *_values())
            await connection.execute(
                "INSERT INTO history (item, sequence, at, event, target, fence) "
                "SELECT id, 1, $2, 'accept', 'pending', 0 FROM unnest($1::bigint[]) AS new (id)",
                [row["id"] for row in made],
                time.time(),
            )
            await connection.execute(
                "INSERT INTO api_requests SELECT 'default', key, '', 202, '{}', '{}', $2 "
                "FROM unnest($1::text[]) AS new (key)",
                used,
                time.time(),
            )

    yield write
    await connection.close()


class Commits:
    """Commits the rows that wait, up to `together` of them in one transaction."""

    def __init__(self, write: Write, together: int) -> None:
        self._write, self._together = write, together
        self._waiting = list[tuple[Row, asyncio.Future[None]]]()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, row: Row) -> None:
        """Return once the row is committed."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            group = self._waiting[: self._together]
            del self._waiting[: self._together]
            await self._write([row for row, _ in group])
            for _, done in group:
                done.set_result(None)
        self._writing = None


def bare_app(commits: Commits | None) -> FastAPI:
    """One endpoint, which parses a body and, with `commits`, stores it."""
    app = FastAPI()

    @app.post("/v/orders")
    async def post(request: Request) -> Response:
        data = await request.body()
        body = orjson.loads(data)
        key = body["order_id"]
        if commits is not None:
            await commits.add((key, request.headers["idempotency-key"], data.decode()))
        told = {"workflow": "orders", "key": key, "status": f"/v/orders/{key}"}
        return Response(orjson.dumps(told), 202, media_type="application/json")

    return app


async def serve(config: uvicorn.Config, **more: Any) -> None:
    """Serve until the process is stopped; the first line says where."""
    listener = listen(0)
    async with serving(config, listener):
        sys.stdout.write(json.dumps({"port": listener.getsockname()[1], **more}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _bare(commits: Commits | None) -> uvicorn.Config:
    """The same server with the same options."""
    config = _config()
    config.app = bare_app(commits)
    return config


async def main(kind: str) -> None:
    """Run one of the servers, each beside an open runtime."""
    url = settings().journal
    async with open_runtime(settings()) as opened:
        if kind == "parse":
            await serve(_bare(None))
        elif kind in {"commit", "grouped"}:
            writer = sqlite_writer if opened.journal.database.is_sqlite else postgresql_writer
            async with writer(url) as write:
                await serve(_bare(Commits(write, TOGETHER if kind == "grouped" else 1)))
        else:
            new = api_keys.NewKey("default", "bench", (Scope.SUBMIT,))
            made = await api_keys.create(opened.journal, new, "bench", "a benchmark")
            await serve(_config(), key=made.key)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1]))

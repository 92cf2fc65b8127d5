"""The process of the sandbox: one record, one lock, one address; it ends after a time without requests."""

import asyncio
import os
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.runtime.one_server import is_alone, listen
from agents.services.inventory.sandbox import load_stock
from agents.services.sandbox.address import SandboxAddress, read_address, write_address
from agents.services.sandbox.endpoint import Breakable, presented, route
from agents.services.sandbox.record import open_record
from agents.services.systems import background, operations, schema


def run_sandbox(data: Path, idle: float, stock: Path | None) -> None:
    """Serve until stopped or idle for `idle` seconds; return at once if another process serves the folder."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "sandbox.lock").open("a") as lock:
        if not is_alone(lock):
            return
        with closing(open_record(data, schema())) as db:
            if stock is not None:
                load_stock(db, stock)
            asyncio.run(_serve(data, db, idle))


async def _serve(data: Path, db: sqlite3.Connection, idle: float) -> None:
    before = read_address(data)
    with closing(listen(int(before.url.rpartition(":")[2]) if before else 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        token = before.token if before else secrets.token_hex(16)
        guard = _Guard(_application(db), token)
        server = uvicorn.Server(
            uvicorn.Config(
                guard,
                http=Breakable,
                ws="none",
                lifespan="off",
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        write_address(data, SandboxAddress(url, os.getpid(), token))
        _stop_when_idle(server, guard, idle)
        tasks = [asyncio.create_task(work(db)) for work in background()]
        await server.serve(sockets=[listener])
        for task in tasks:
            task.cancel()


def _application(db: sqlite3.Connection) -> Starlette:
    async def health(_: Request) -> Response:
        return JSONResponse({"pid": os.getpid()})

    routes = [route(db, operation) for operation in operations()]
    return Starlette(routes=[Route("/health", health), *routes])


class _Guard:
    """Refuses requests without the token, and remembers when the last good one came."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token, self.last = app, token.encode(), time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if not secrets.compare_digest(presented(given.decode("latin-1")).encode(), self._token):
            refusal = {
                "error": {"type": "invalid_request_error", "message": "Invalid API key provided"}
            }
            await JSONResponse(refusal, 401)(scope, receive, send)
            return
        self.last = time.monotonic()
        await self._app(scope, receive, send)


def _stop_when_idle(server: uvicorn.Server, guard: _Guard, idle: float) -> None:
    left = guard.last + idle - time.monotonic()
    if left <= 0:
        server.should_exit = True
    else:
        asyncio.get_running_loop().call_later(left, _stop_when_idle, server, guard, idle)

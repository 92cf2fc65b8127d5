"""Single requests to an ASGI application, each read to its end, or to its head if it is a stream."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI


@dataclass
class Answer:
    """What the application has sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def send(
    app: FastAPI, method: str, path: str, headers: Mapping[str, str], body: bytes = b"{}"
) -> Answer:
    """The answer; a stream of events is left after its head."""
    answer, complete, sent = Answer(), asyncio.Event(), False
    fields = {"host": "127.0.0.1", "content-type": "application/json"} | dict(headers)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def take(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
            if is_stream:
                complete.set()
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body", False):
                complete.set()

    running = asyncio.create_task(app(scope, receive, take))
    ended = asyncio.create_task(complete.wait())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    for task in (running, ended):
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    if running.done() and not running.cancelled() and answer.status == 0:
        running.result()  # raises what the application has raised
    return answer

"""A customer's server that receives webhooks, and misbehaves as its path says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

OK = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
ANSWERS = {
    "/ok": OK,
    "/broken": "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\nwe are\x00 sorry",
    "/gone": "HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\n",
    "/busy": "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nConnection: close\r\n\r\n",
    "/metadata": "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\n\r\n",
    "/cut": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)
        return event


@dataclass(slots=True)
class Receiver:
    """What the server has received; `answers` may be changed while it runs."""

    host: str = ""
    received: list[Received] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=lambda: dict(ANSWERS))

    def url(self, path: str = "/ok") -> str:
        return f"http://{self.host}{path}"

    def at(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = first.split(" ")[1]
        self.received.append(Received(path, headers, body))
        if path == "/picky":
            path = "/broken" if self.received[-1].event["data"]["key"] == "bad" else "/ok"
        await self._answer(path, writer)

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/silent":
            await asyncio.sleep(3_600)
        elif path in {"/slow", "/huge"}:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                writer.write(b"x" * (1 if path == "/slow" else 100_000))
                await writer.drain()
                await asyncio.sleep(0.05 if path == "/slow" else 0)
        else:
            writer.write(self.answers[path].encode())
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of the loopback interface."""
    receiver, tasks = Receiver(), set[asyncio.Task[None]]()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(receiver.serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    receiver.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

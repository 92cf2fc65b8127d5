"""A proxy before PostgreSQL that can break a connection between a COMMIT and its response."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT;\0"
CHUNK = 1 << 16


class PostgresProxy:
    """A proxy on a Unix socket; `commits` counts the COMMITs that it has passed on."""

    def __init__(self, server: Path, url: str) -> None:
        self._server, self.url = server, url
        self.commits = 0
        self.break_at = 0
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client."""
        server_reader, server_writer = await asyncio.open_unix_connection(str(self._server))
        responding = asyncio.create_task(self._pass_responses(server_reader, writer))
        try:
            await self._pass_requests(reader, server_writer, responding)
        finally:
            responding.cancel()
            for end in (server_writer, writer):
                end.close()

    async def _pass_requests(
        self,
        reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        responding: "asyncio.Task[None]",
    ) -> None:
        while data := await reader.read(CHUNK):
            breaks = False
            if data.endswith(COMMIT):
                self.commits += 1
                breaks = self.commits == self.break_at
            if breaks:
                responding.cancel()  # the commit happens, and its response never arrives
            if not self.silent:
                server_writer.write(data)
                await server_writer.drain()
            if breaks:
                return

    async def _pass_responses(
        self, server_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while (data := await server_reader.read(CHUNK)) and not self.silent:
                writer.write(data)
                await writer.drain()
            if not self.silent:
                writer.close()


@asynccontextmanager
async def open_postgres_proxy(url: str, folder: Path) -> AsyncIterator[PostgresProxy]:
    """Open a proxy before the server of `url`; its socket is in `folder`."""
    parts = urlsplit(url)
    (host,) = parse_qs(parts.query)["host"]
    proxy = PostgresProxy(Path(host) / SOCKET, url.replace(parts.query, f"host={folder}"))
    server = await asyncio.start_unix_server(proxy.serve, str(folder / SOCKET))
    try:
        yield proxy
    finally:
        server.close()
        await server.wait_closed()

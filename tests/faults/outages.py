"""A line to PostgreSQL that breaks when it hurts most: after COMMIT went through, before its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT;\0"
CHUNK = 1 << 16


class Line:
    """A proxy on a socket of its own; `commits` counts those that went through."""

    def __init__(self, server: Path, url: str) -> None:
        self._server, self.url = server, url
        self.commits = 0
        self.cut_at = 0
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        there, back = await asyncio.open_unix_connection(str(self._server))
        answering = asyncio.create_task(self._answers(there, writer))
        try:
            await self._asks(reader, back, answering)
        finally:
            answering.cancel()
            for end in (back, writer):
                end.close()

    async def _asks(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        answers: "asyncio.Task[None]",
    ) -> None:
        while said := await reader.read(CHUNK):
            cut = False
            if said.endswith(COMMIT):
                self.commits += 1
                cut = self.commits == self.cut_at
            if cut:
                answers.cancel()  # it is committed, and nobody ever hears so
            if not self.silent:
                back.write(said)
                await back.drain()
            if cut:
                return

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while (said := await there.read(CHUNK)) and not self.silent:
                writer.write(said)
                await writer.drain()
            if not self.silent:
                writer.close()


@asynccontextmanager
async def open_line(url: str, folder: Path) -> AsyncIterator[Line]:
    """A line to the server behind `url`, whose socket lies in `folder`."""
    parts = urlsplit(url)
    (host,) = parse_qs(parts.query)["host"]
    line = Line(Path(host) / SOCKET, url.replace(parts.query, f"host={folder}"))
    server = await asyncio.start_unix_server(line.serve, str(folder / SOCKET))
    try:
        yield line
    finally:
        server.close()
        await server.wait_closed()

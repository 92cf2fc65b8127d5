"""A proxy between a process and a server on a Unix socket that drops, cuts or splits the data."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

Mood = Literal["well", "lost", "unheard", "unanswered", "reset", "crumbs"]
MOODS: tuple[Mood, ...] = get_args(Mood)[1:]
CHUNK = 1 << 16
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class UnsteadyLine:
    """A proxy on a port of 127.0.0.1; its mood may change at any time.

    `lost`: nothing passes; `unheard`: no request passes; `unanswered`: no reply passes; `reset`:
    connections are reset, new ones too; `crumbs`: one byte at a time.
    """

    def __init__(self, server: Path) -> None:
        self.mood: Mood = "well"
        self.spoilt = 0
        self.port = 0
        self._server = server
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def become(self, mood: Mood) -> None:
        """Change the mood."""
        self.mood = mood
        if mood == "reset":
            for writer in list(self._open):
                self._reset(writer)

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new client."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def end(self) -> None:
        """Reset every open connection."""
        self.become("reset")
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mood == "reset":
            self._reset(writer)
            return
        there, back = await asyncio.open_unix_connection(str(self._server))
        self._open.add(writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, back, "unheard"))
                group.create_task(self._pass_on(there, writer, "unanswered"))
        except* ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            for end in (back, writer):
                end.transport.abort()

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, deaf: Mood
    ) -> None:
        while data := await source.read(CHUNK):
            if self.mood in {"lost", deaf}:
                self.spoilt += 1
                continue
            size = 1 if self.mood == "crumbs" else CHUNK
            for start in range(0, len(data), size):
                target.write(data[start : start + size])
                await target.drain()
        target.write_eof()

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self.spoilt += 1
        self._open.discard(writer)
        with suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        writer.transport.abort()


@asynccontextmanager
async def unsteady_line(server: Path) -> AsyncIterator[UnsteadyLine]:
    """A proxy to the server on this Unix socket."""
    line = UnsteadyLine(server)
    proxy = await asyncio.start_server(line.begin, "127.0.0.1", 0)
    line.port = proxy.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        proxy.close()
        await line.end()
        await proxy.wait_closed()

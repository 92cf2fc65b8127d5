"""A proxy before a server on a Unix socket that drops data, resets connections or sends single bytes."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

FaultMode = Literal[
    "healthy", "drop all", "drop requests", "drop responses", "reset", "single bytes"
]
FAULT_MODES: tuple[FaultMode, ...] = get_args(FaultMode)[1:]
CHUNK = 1 << 16
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class FlakyProxy:
    """A proxy on a port of 127.0.0.1; its mode may change at any time and says what it does.

    `drop all`, `drop requests`, `drop responses`: bytes in these directions are lost. `reset`: open
    and new connections are reset. `single bytes`: one byte is sent at a time.
    """

    def __init__(self, server: Path) -> None:
        self.mode: FaultMode = "healthy"
        self.fault_count = 0
        self.port = 0
        self._server = server
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def set_mode(self, mode: FaultMode) -> None:
        """Change the mode."""
        self.mode = mode
        if mode == "reset":
            for writer in list(self._open):
                self._reset(writer)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new connection of a client."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Reset all connections."""
        self.set_mode("reset")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "reset":
            self._reset(writer)
            return
        server_reader, server_writer = await asyncio.open_unix_connection(str(self._server))
        self._open.add(writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, server_writer, "drop requests"))
                group.create_task(self._forward(server_reader, writer, "drop responses"))
        except* ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            for end in (server_writer, writer):
                end.transport.abort()

    async def _forward(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, dropped_in: FaultMode
    ) -> None:
        while data := await source.read(CHUNK):
            if self.mode in {"drop all", dropped_in}:
                self.fault_count += 1
                continue
            size = 1 if self.mode == "single bytes" else CHUNK
            for start in range(0, len(data), size):
                target.write(data[start : start + size])
                await target.drain()
        target.write_eof()

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self.fault_count += 1
        self._open.discard(writer)
        with suppress(OSError):
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        writer.transport.abort()


@asynccontextmanager
async def flaky_network(server: Path) -> AsyncIterator[FlakyProxy]:
    """Open a proxy before the server on this Unix socket."""
    proxy = FlakyProxy(server)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        await proxy.close()
        await listener.wait_closed()

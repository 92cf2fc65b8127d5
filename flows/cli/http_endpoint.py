"""Serves HTTP on a port of the loopback interface beside what else a command does."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

import uvicorn

from agents.runtime.errors import AgentError


class PortTaken(AgentError):
    """Nothing can be served on the port."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(port, reason)
        self.port, self.reason = port, reason

    def __str__(self) -> str:
        return f"port {self.port} cannot be used ({self.reason}): choose another with --port"


class DidNotServe(AgentError):
    """The application did not start; the log says why."""

    def __str__(self) -> str:
        return "the HTTP application did not start: see the log file in the data folder"


class _Server(uvicorn.Server):
    """A server that leaves the signals to the runtime."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes one that is free. Raises PortTaken."""
    try:
        listener = socket.create_server((host, port), backlog=2_048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise PortTaken(port, reason) from None
    # Connections inherit it. asyncio sets it only where the protocol of the socket has a number, and
    # without it an answer of two parts waits 40 ms for the caller's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def serving(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[None]:
    """Within the block requests are answered; at its end those in work are finished.

    Raises DidNotServe if the application does not start.
    """
    server = _Server(config)
    with closing(listener):
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            done, _ = await asyncio.wait([task], timeout=0.01)
            if done:
                task.result()
                raise DidNotServe
        try:
            yield
        finally:
            server.should_exit = True
            await task

"""`python -m tests.deployments.topology.balancer PORT BACKEND...`: shares connections out to ports that answer.

It stands in for the load balancer of an installation, which is not a part of this project.
"""

import asyncio
import sys
from contextlib import suppress
from itertools import cycle

HOST = "127.0.0.1"


async def balance(port: int, backends: list[int]) -> None:
    """Serve until killed; a connection goes to the next backend that accepts it."""
    turns = cycle(range(len(backends)))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(turns)
        for backend in [*backends[first:], *backends[:first]]:
            with suppress(OSError):
                up_reader, up_writer = await asyncio.open_connection(HOST, backend)
                await asyncio.gather(_relay(reader, up_writer), _relay(up_reader, writer))
                return
        writer.close()

    server = await asyncio.start_server(connected, HOST, port)
    await server.serve_forever()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while received := await reader.read(65_536):
            writer.write(received)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(balance(int(sys.argv[1]), [int(word) for word in sys.argv[2:]]))

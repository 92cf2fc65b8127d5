"""A thousand requests to a host that answers so many at once, by our fetcher and by bare httpx.

python -m tests.benchmarks.fanning; the last line is one JSON object.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from agents.services.fetching.fetcher import Fetcher
from agents.services.fetching.pace import MOST
from tests.benchmarks.machine import ROOT, tell

REQUESTS = 1_000
DELAY = 0.3  # seconds of an answer; MOST at once are answered
BODY = b"\n" + b"1\n" * 200


@contextmanager
def slow_host() -> Iterator[int]:
    """A host in a process of its own, whose answers take their time; its port."""
    command = [sys.executable, "-m", "tests.benchmarks.fanning", "host"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        try:
            yield int(host.stdout.readline())
        finally:
            host.kill()


async def serve_slowly() -> None:
    """Be that host, until killed."""
    places = asyncio.Semaphore(int(MOST))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            async with places:
                await asyncio.sleep(DELAY)
            body = head.split(b" ", 2)[1] + BODY  # another one for each path
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - read by who started it
    await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def ours(port: int) -> float:
    """Seconds of the fetcher, everything in its store."""
    with tempfile.TemporaryDirectory() as name:
        async with Fetcher(Path(name), frozenset({f"127.0.0.1:{port}"})) as fetcher:
            begun = time.monotonic()
            urls = (f"http://127.0.0.1:{port}/{n}.csv" for n in range(REQUESTS))
            await asyncio.gather(*map(fetcher.fetch, urls))
            return time.monotonic() - begun


async def bare(port: int) -> float:
    """Seconds of httpx, as many at once as the host answers."""
    places = asyncio.Semaphore(int(MOST))
    limits = httpx.Limits(max_connections=int(MOST), max_keepalive_connections=int(MOST))
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:

        async def get(n: int) -> None:
            async with places:
                (await client.get(f"http://127.0.0.1:{port}/{n}.csv")).raise_for_status()

        begun = time.monotonic()
        await asyncio.gather(*map(get, range(REQUESTS)))
        return time.monotonic() - begun


def main() -> None:
    """Measure both on the same host."""
    if sys.argv[1:] == ["host"]:
        asyncio.run(serve_slowly())
    with slow_host() as port:
        theirs, mine = asyncio.run(bare(port)), asyncio.run(ours(port))
    tell({"requests": REQUESTS, "ours": mine, "bare": theirs, "cap": REQUESTS * DELAY / MOST})


if __name__ == "__main__":
    main()

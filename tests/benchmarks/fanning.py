"""A thousand requests to a host with a limit of answers at once, by our fetcher and by bare httpx.

python -m tests.benchmarks.fanning [--places N] [--requests N]; the last line is one JSON object.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from agents.services.fetching.fetcher import Fetcher
from tests.benchmarks.machine import ROOT, tell

DELAY = 0.3  # seconds of an answer
BODY = b"\n" + b"1\n" * 200


@contextmanager
def slow_host(places: int) -> Iterator[int]:
    """A slow host in a process of its own; yields its port."""
    command = [sys.executable, "-m", "tests.benchmarks.fanning", "--host", f"--places={places}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        try:
            yield int(host.stdout.readline())
        finally:
            host.kill()


async def serve_slowly(at_once: int) -> None:
    """Run the host until the process is killed."""
    places = asyncio.Semaphore(at_once)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            async with places:
                await asyncio.sleep(DELAY)
            body = head.split(b" ", 2)[1] + BODY  # different for each path
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent process reads it
    await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def ours(urls: list[str]) -> float:
    """Seconds of our fetcher, until everything is stored."""
    host = urlsplit(urls[0]).netloc
    with tempfile.TemporaryDirectory() as name:
        async with Fetcher(Path(name), frozenset({host})) as fetcher:
            begun = time.monotonic()
            await asyncio.gather(*map(fetcher.fetch, urls))
            return time.monotonic() - begun


async def bare(urls: list[str], at_once: int) -> float:
    """Seconds of httpx with as many requests at once as the host answers."""
    places = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:

        async def get(url: str) -> None:
            async with places:
                (await client.get(url)).raise_for_status()

        begun = time.monotonic()
        await asyncio.gather(*map(get, urls))
        return time.monotonic() - begun


def main() -> None:
    """Measure both on the same host, or run the host."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=32, help="requests that it answers at once")
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--host", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.host:
        asyncio.run(serve_slowly(given.places))
    with slow_host(given.places) as port:
        urls = [f"http://127.0.0.1:{port}/{n}.csv" for n in range(given.requests)]
        theirs, mine = asyncio.run(bare(urls, given.places)), asyncio.run(ours(urls))
    cap = given.requests * DELAY / given.places
    tell({"requests": given.requests, "ours": mine, "bare": theirs, "cap": cap})


if __name__ == "__main__":
    main()

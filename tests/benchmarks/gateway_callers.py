"""Callers that no load generator plays: ten thousand that say the same, and a thousand that never end."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CONNECTIONS = 1_000
VARYING = (b"date:", b"ratelimit:")


async def identical(port: int, request: bytes, count: int) -> Counter[bytes]:
    """Send one request `count` times at once, over as many connections as are allowed; the answers.

    The time of day, and what is left of the caller's rate, are left out of the headers.
    """
    lines = await asyncio.gather(
        *(
            asyncio.open_connection("127.0.0.1", port, limit=2**20)
            for _ in range(min(count, CONNECTIONS))
        )
    )
    each = [count // len(lines) + (n < count % len(lines)) for n in range(len(lines))]

    async def send(
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter], times: int
    ) -> list[bytes]:
        reader, writer = line
        writer.write(request * times)  # pipelined: none waits for the answer to the one before
        answers = [await _answer(reader) for _ in range(times)]
        writer.close()
        return answers

    found = await asyncio.gather(*(send(line, n) for line, n in zip(lines, each, strict=True)))
    return Counter(answer for answers in found for answer in answers)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    kept = [line for line in head.splitlines() if not line.lower().startswith(VARYING)]
    (length,) = (line for line in kept if line.lower().startswith(b"content-length:"))
    return b"\n".join(kept) + await reader.readexactly(int(length.partition(b":")[2]))


@asynccontextmanager
async def slow_connections(port: int, count: int) -> AsyncIterator[Counter[str]]:
    """This many connections that send a header every second and never the last; counts what they see."""
    seen: Counter[str] = Counter()
    callers = [asyncio.create_task(_trickle(port, seen)) for _ in range(count)]
    until = time.monotonic() + 30
    while seen["opened"] < count and time.monotonic() < until:  # noqa: ASYNC110 - a counter
        await asyncio.sleep(0.05)
    try:
        yield seen
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def _trickle(port: int, seen: Counter[str]) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            seen["opened"] += 1
            writer.write(b"POST /v/orders HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            while not reader.at_eof():
                writer.write(b"x: 1\r\n")
                answered = await _told_to_go(reader)
                seen["given up"] += answered
            writer.close()


async def _told_to_go(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(1):
            return bool(await reader.read())
    except TimeoutError:
        return False

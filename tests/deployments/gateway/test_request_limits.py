"""What a server must bound while a request arrives, shown on a socket."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import orjson
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.gateway import request_limits
from deployments.gateway.problems import Problem
from deployments.gateway.request_limits import LimitedProtocol, RequestLimits

MOST = 20


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body."""
    try:
        body = await Request(scope, receive).body()
        answer = Response(str(len(body)))
    except Problem as problem:
        answer = problem.response()
    await answer(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(
        RequestLimits(echo),
        port=0,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        limit_concurrency=MOST,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # pytest has its own
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def answers(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Everything that the server says to these bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = bytearray()

    async def read() -> None:
        with suppress(ConnectionResetError):  # it closed while more was on the way
            while more := await reader.read(2**16):
                said.extend(more)

    reading = asyncio.create_task(read())
    for part in parts:
        writer.write(part)
        await asyncio.wait([reading], timeout=pause)
        if reading.done():
            break
    await reading
    writer.close()
    return bytes(said)


def status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


POST = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


async def test_bodies_of_both_kinds_are_read(port: int) -> None:
    sized = await answers(port, POST + b"Content-Length: 3\r\n\r\nabc")
    chunked = await answers(port, POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert [sized[-1:], chunked[-1:]] == [b"3", b"3"]


async def test_a_length_that_is_said_twice_is_refused(port: int) -> None:
    """Between two servers that see different ends, a second request could be smuggled in."""
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET"
    for lengths in (both, b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"):
        assert status(await answers(port, POST + lengths)) == 400


async def test_a_chunked_body_is_cut_at_its_limit(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 2**16 + b"\r\n"
    said = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    sent = 0
    while not said.done() and sent < 1_000:
        writer.write(piece)
        sent += 1
        await asyncio.sleep(0.001)
    assert status(await said) == 413
    assert sent < 100
    writer.close()


async def test_too_many_and_too_long_headers_are_refused(port: int) -> None:
    many = b"".join(b"x-%d: 1\r\n" % n for n in range(150))
    for headers in (many, b"x: " + b"y" * 20_000 + b"\r\n", b"x: " + b"y" * 40_000):
        said = await answers(port, POST + headers + b"Content-Length: 0\r\n\r\n")
        assert status(said) == 431
        assert orjson.loads(said.partition(b"\r\n\r\n")[2])["rule"] == "too-large"


async def test_what_is_not_http_is_refused_in_problem_details(port: int) -> None:
    said = await answers(port, b"\x16\x03\x01 hello\r\n\r\n")
    assert (status(said), b"application/problem+json" in said) == (400, True)


async def test_headers_that_trickle_in_are_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes soon after the one before, and the whole never ends."""
    monkeypatch.setattr(request_limits, "HEADER_SECONDS", 0.1)
    begun = asyncio.get_running_loop().time()
    said = await answers(port, *(bytes([byte]) for byte in POST), pause=0.005)
    assert status(said) == 408
    assert status(await answers(port)) == 408, "a connection that says nothing"
    assert asyncio.get_running_loop().time() - begun < 5


async def test_a_second_request_has_the_same_time(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_limits, "HEADER_SECONDS", 0.2)
    whole = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    said = await answers(port, whole, whole, whole, b"POST / HT", pause=0.15)
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"200", b"200", b"408"]


async def test_a_body_that_trickles_in_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_limits, "ONE_ITEM", request_limits.BodyLimits(100, 0.1, kept=True))
    said = await answers(port, POST + b"Content-Length: 90\r\n\r\n", *[b"x"] * 60, pause=0.005)
    assert status(said) == 408


async def test_a_connection_beyond_the_limit_is_told_to_come_back(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST)]
    refused = await answers(port, POST + b"Content-Length: 1\r\n\r\na")
    assert (status(refused), b"retry-after: 1" in refused.lower()) == (503, True)
    for _, writer in held:
        writer.close()
        await writer.wait_closed()
    while status(await answers(port, POST + b"Content-Length: 1\r\n\r\na")) != 200:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)

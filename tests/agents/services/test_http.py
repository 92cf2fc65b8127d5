"""What each failure of a call means, and that no call outlives its deadline."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from random import Random

import httpx
import pytest

from agents.runtime.clock import within
from agents.runtime.errors import (
    AgentError,
    KeySpent,
    PermanentError,
    TransientError,
    UnknownOutcome,
)
from agents.runtime.telemetry import Work, enter
from agents.services.http import (
    LARGEST_BODY,
    LONGEST_KEY,
    LONGEST_RETRY_AFTER,
    MOST_CONNECTIONS,
    Call,
    Deadlines,
    HttpApi,
    Rejected,
    header_key,
    retry_after,
)

SECRET = "sk_test_very_secret"
READ, WRITE = Call("look", "GET", "/x"), Call("do", "POST", "/x")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answered(
    call: Call, status: int, content: bytes = b"{}", headers: dict[str, str] | None = None
) -> AgentError | None:
    """What a call raises when it is answered so."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    transport = httpx.MockTransport(answer)
    async with HttpApi("shop", "http://shop", transport=transport) as api:
        try:
            await api.call(call)
        except AgentError as error:
            return error
    return None


@asynccontextmanager
async def serving(serve: Serve, deadlines: Deadlines) -> AsyncIterator[HttpApi]:
    """A raw server, and a client of it."""
    open_ones: list[asyncio.StreamWriter] = []

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(kept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with server, HttpApi("shop", f"http://127.0.0.1:{port}", headers, deadlines) as api:
        yield api
        for writer in open_ones:
            writer.close()


async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(10)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"id": ')
    await writer.drain()
    writer.close()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Slow enough for the whole call, quick enough for each read."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "status, kind, wait",
    [
        (429, TransientError, 7.0),
        (503, TransientError, 7.0),
        (409, TransientError, 7.0),
        (500, UnknownOutcome, None),
        (502, UnknownOutcome, None),
    ],
)
async def test_a_busy_service_is_transient_and_a_broken_one_unknown(
    status: int, kind: type[AgentError], wait: float | None
) -> None:
    error = await answered(WRITE, status, headers={"Retry-After": "7"})
    assert type(error) is kind
    assert isinstance(error, TransientError)
    assert error.retry_after == wait
    assert str(error).startswith("shop do: ")


async def test_503_without_a_word_on_when_to_retry_is_unknown() -> None:
    assert type(await answered(WRITE, 503)) is UnknownOutcome


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_failure_that_is_repeated_from_a_store_spends_the_key(status: int) -> None:
    stored = {"Idempotent-Replayed": "true", "Retry-After": "7"}
    error = await answered(WRITE, status, headers=stored)
    assert type(error) is KeySpent
    assert str(error) == f"shop do: repeats its status {status} under this key"
    assert type(await answered(READ, status, headers=stored)) is TransientError
    fresh = {"Idempotent-Replayed": "false", "Retry-After": "7"}
    assert type(await answered(WRITE, status, headers=fresh)) is not KeySpent


@pytest.mark.parametrize("status", [429, 409, 422])
async def test_only_a_stored_failure_of_the_service_spends_the_key(status: int) -> None:
    error = await answered(WRITE, status, headers={"Idempotent-Replayed": "true"})
    assert not isinstance(error, KeySpent)


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404])
async def test_a_wrong_account_or_url_undoes_no_order(status: int) -> None:
    error = await answered(WRITE, status, headers={"Location": "http://elsewhere/"})
    assert type(error) is TransientError
    assert "check the service's URL and credentials" in str(error)


@pytest.mark.parametrize("status", [400, 405, 413, 422])
async def test_any_other_4xx_is_final(status: int) -> None:
    error = await answered(WRITE, status)
    assert type(error) is Rejected
    assert isinstance(error, PermanentError)


@pytest.mark.parametrize("content", [b'{"id": "x', b"\xff", b"[]", b"null", b"<html>"])
async def test_an_answer_we_cannot_read_is_unknown_for_a_write_only(content: bytes) -> None:
    assert type(await answered(WRITE, 200, content)) is UnknownOutcome
    assert type(await answered(READ, 200, content)) is TransientError


async def test_a_body_is_read_up_to_a_limit() -> None:
    assert type(await answered(WRITE, 200, b" " * (LARGEST_BODY + 1))) is UnknownOutcome
    assert await answered(WRITE, 200, b" " * (LARGEST_BODY - 2) + b"{}") is None


async def test_nobody_there_is_transient() -> None:
    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with HttpApi("shop", f"http://127.0.0.1:{port}") as api:
        with pytest.raises(TransientError, match="no connection") as caught:
            await api.call(WRITE)
    assert type(caught.value) is TransientError


@pytest.mark.parametrize("serve", [nothing, hang_up, half, drip])
@pytest.mark.parametrize("call, kind", [(WRITE, UnknownOutcome), (READ, TransientError)])
async def test_an_answer_that_does_not_come(
    serve: Serve, call: Call, kind: type[AgentError]
) -> None:
    async with serving(serve, Deadlines(connect=0.2, read=0.2, total=0.3)) as api:
        started = time.monotonic()
        with pytest.raises(AgentError) as caught:
            await api.call(call)
        assert time.monotonic() - started < 0.3 + 1
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith(f"shop {call.operation}: ")


@pytest.mark.slow
async def test_a_call_ends_with_the_time_of_its_caller_which_the_service_gets_too() -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))

    async with serving(listen, Deadlines(connect=2, read=60, total=60)) as api:
        started = time.monotonic()
        async with within(1.7):
            async with within(0.5):
                with pytest.raises(UnknownOutcome, match=r"no answer within 0\.4"):
                    await api.call(WRITE)
            assert 0.3 < time.monotonic() - started < 0.5, "before its caller is cut off itself"
            with pytest.raises(UnknownOutcome):
                await api.call(WRITE)
        assert time.monotonic() - started < 1.7
        async with within(0.01):
            with pytest.raises(TransientError, match="no time left") as caught:
                await api.call(WRITE)
        assert type(caught.value) is TransientError
    asked = [re.search(rb"(?i)\r\nPrefer: (wait=\d+)\r\n", request) for request in heard]
    assert [found and found[1] for found in asked] == [b"wait=1", b"wait=2"]


async def test_waiting_for_a_connection_counts_and_is_transient() -> None:
    async with serving(nothing, Deadlines(connect=1, read=9, total=1)) as api:
        calls = [asyncio.create_task(api.call(WRITE)) for _ in range(MOST_CONNECTIONS)]
        await asyncio.sleep(0)
        api._deadlines = Deadlines(connect=1, read=9, total=0.2)
        with pytest.raises(TransientError, match="no connection within") as caught:
            await api.call(WRITE)
        assert type(caught.value) is TransientError
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.slow
async def test_calls_cut_off_at_any_moment_cost_no_connection() -> None:
    """httpx's pool loses some of them: then later calls wait for ever for a free one."""
    pause = Random(7).random

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(pause() * hurry)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                await asyncio.sleep(pause() * hurry)
                writer.write(b"{}")

    hurry = 0.02
    async with serving(answer, Deadlines(connect=1, read=1, total=0.02)) as api:
        for _ in range(12):
            calls = (api.call(WRITE) for _ in range(50))
            await asyncio.gather(*calls, return_exceptions=True)
        hurry, api._deadlines = 0, Deadlines()
        answers = await asyncio.gather(*(api.call(WRITE) for _ in range(MOST_CONNECTIONS * 2)))
        assert all(answer.ok for answer in answers)


async def test_the_trace_of_the_item_and_the_key_go_along() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    enter(Work("o1", "a" * 32))
    async with HttpApi("shop", "http://shop/", transport=httpx.MockTransport(answer)) as api:
        await api.call(Call("do", "POST", "/x", json={"a": 1}, key="k1"))
    assert str(seen[0].url) == "http://shop/x"
    assert seen[0].headers["traceparent"].startswith(f"00-{'a' * 32}-")
    assert seen[0].headers["Idempotency-Key"] == "k1"
    assert seen[0].headers["Content-Type"] == "application/json"


def test_a_key_that_no_header_takes_is_hashed() -> None:
    longest = "k" * LONGEST_KEY
    assert header_key(longest) == longest
    for key in (f"{longest}:refund", "\u00fcnicode"):
        hashed = header_key(key)
        assert len(hashed) == 64
        assert hashed == header_key(key)
        assert hashed != header_key(f"{key}.1")


def test_retry_after_is_seconds_or_a_date_and_has_a_limit() -> None:
    assert retry_after("5") == 5
    assert retry_after("0") == 0
    assert 50 < (retry_after(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60
    assert retry_after(formatdate(time.time() - 60, usegmt=True)) == 0
    assert retry_after("99999999") == LONGEST_RETRY_AFTER
    assert retry_after("soon") is None
    assert retry_after(None) is None

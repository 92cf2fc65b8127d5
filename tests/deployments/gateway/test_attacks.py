"""The gateway as its command configures it, on a socket: hostile requests are refused, and it serves on."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from joserfc.jwk import ECKey, KeySet
from pydantic import SecretStr

from agents.runtime.context import open_runtime
from agents.runtime.journal import api_keys
from agents.runtime.settings import JwtSettings, Settings
from deployments.gateway import __main__ as command
from deployments.gateway.access import Scope
from flows.cli.http_endpoint import listen, serving
from tests.deployments.gateway import attacks
from tests.deployments.gateway.attacks import request
from tests.deployments.gateway.orders import order

AT_ONCE = 16
SECONDS = 5.0  # within which each is answered

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Gateway:
    """A gateway on a port of the loopback interface, and a key that opens everything."""

    port: int
    key: str


@pytest.fixture
async def gateway(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    keys = tmp_path / "jwks.json"
    published = KeySet([ECKey.generate_key("P-256", {"kid": "one"})]).as_dict()
    write = keys.write_bytes
    write(orjson.dumps(published))
    used = Settings(
        data=tmp_path,
        journal_url=SecretStr(sqlite_url),
        jwt=JwtSettings(issuer="https://login.example", audience="gateway", keys=str(keys)),
    )
    monkeypatch.setattr(command, "settings", lambda: used)
    async with open_runtime(used) as opened:
        key = await api_keys.first_key(opened.journal, tuple(Scope))
        assert key is not None
        listener = listen(0)
        async with serving(command._config(), listener):
            yield Gateway(listener.getsockname()[1], key)


async def answer(port: int, sent: bytes) -> bytes:
    """What the gateway says until it closes the connection; it need not read all that is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = bytearray()
    try:
        writer.write(sent)
        async with asyncio.timeout(SECONDS):
            while more := await reader.read(2**16):
                said += more
    except (ConnectionResetError, TimeoutError):
        pass
    finally:
        abort(writer)
    return bytes(said)


def judged(said: bytes, right: set[int]) -> list[str]:
    """What is wrong with an answer."""
    head, _, body = said.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    found = int(status.split()[1]) if status.startswith("http/1.1 ") else 0
    if found not in right:
        return [f"answered by {status or 'nothing'}: {body[:200]!r}"]
    rules = {
        "one answer": said.count(b"HTTP/1.1 ") == 1,
        "problem details": headers.get("content-type") == "application/problem+json",
        "the same status in the body": b'"status":%d,' % found in body,
        "no name of the server and no cookie": not {"server", "set-cookie"} & headers.keys(),
        "no other origin": "access-control-allow-origin" not in headers,
        "a challenge": found != 401 or headers["www-authenticate"].startswith("bearer"),
    }
    return [f"not {rule}: {headers}" for rule, kept in rules.items() if not kept]


async def test_hostile_requests_are_refused_and_never_an_error(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    table = attacks.framing() | attacks.messages() | attacks.addresses()
    for made in (attacks.credentials, attacks.contents, attacks.members, attacks.parameters):
        table |= made(gateway.key)
    assert len(table) > 100
    free = asyncio.Semaphore(AT_ONCE)

    async def attack(sent: bytes) -> bytes:
        async with free:
            return await answer(gateway.port, sent)

    said = await asyncio.gather(*(attack(sent) for sent, _ in table.values()))
    wrong = {
        name: problem
        for (name, (_, right)), answered in zip(table.items(), said, strict=True)
        if (problem := judged(answered, right))
    }
    assert wrong == {}, "\n".join(f"{name}: {problem}" for name, problem in wrong.items())
    assert await status(gateway, "/audit") == 200
    assert caplog.records == [], "nothing has failed inside"


async def status(gateway: Gateway, target: str, method: str = "GET", body: bytes = b"") -> int:
    known = (f"Authorization: Bearer {gateway.key}", "Content-Type: application/json")
    said = await answer(gateway.port, request(target, *known, method=method, body=body))
    return int(said.split()[1])


async def test_callers_that_go_away_in_the_middle_leave_nothing_half_done(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    """Cut off after each tenth of its bytes: the order is accepted whole, or not at all."""
    caplog.set_level(logging.ERROR)
    known = (f"Authorization: Bearer {gateway.key}", "Content-Type: application/json")
    body = orjson.dumps(order(3))
    whole = request("/v/orders", *known, method="POST", body=body)
    for part in range(11):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(whole[: len(whole) * part // 10])
        await writer.drain()
        abort(writer)
    begun = time.monotonic()
    assert await status(gateway, "/v/orders", "POST", body) == 202
    assert await status(gateway, f"/v/orders/{order(3)['order_id']}") == 200
    assert time.monotonic() - begun < SECONDS
    assert caplog.records == []


def abort(writer: asyncio.StreamWriter) -> None:
    """Reset the connection, as a process that dies does."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

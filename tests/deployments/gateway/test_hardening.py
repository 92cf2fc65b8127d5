"""Requests that no caller needs are refused as problems, and a gateway opens to others only with keys."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from agents.runtime.context import open_runtime
from agents.runtime.journal import api_keys
from agents.runtime.settings import Settings
from deployments.gateway.trust import require_closed
from deployments.gateway.trust.closed import NotClosed
from deployments.gateway.trust.hardening import HEADERS


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """One database: the SQL is tested on both with the journal."""
    return sqlite_url


@pytest.mark.parametrize(
    "target, status",
    [
        ("//v/orders", 400),
        ("/v//orders", 400),
        ("/v/.%2e/audit", 400),
        ("/v/%2e%2E/audit", 400),
        ("/%2e/audit", 400),
        ("/v/orders/a%00b", 400),
        ("/v/orders/a%0d%0ab", 400),
        ("/audit?by=%00", 400),
        ("/audit?" + "&".join(f"a{n}=1" for n in range(200)), 400),
        ("/audit?by=" + "a" * 5_000, 414),
        ("/v/orders/" + "a" * 3_000, 414),
        ("/AUDIT", 404),
        ("/audit/", 404),
        ("/V/orders", 404),
        ("/.git/config", 404),
        ("/v/orders/%FF%FE", 404),
        ("/v/orders/%F0%9F%9A%80", 404),
    ],
)
async def test_unclear_addresses_are_refused(
    client: httpx.AsyncClient, target: str, status: int
) -> None:
    url = httpx.URL("http://127.0.0.1").copy_with(raw_path=target.encode())
    answer = await client.get(url)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "127.0.0.1:x", "a b", "127.0.0.1@evil"]
)
async def test_other_hosts_are_refused(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/audit", headers={"host": host})
    assert (answer.status_code, answer.json()["field"]) == (421, "Host")


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:8484", "[::1]:8484"])
async def test_names_of_the_loopback_interface_are_answered(
    client: httpx.AsyncClient, host: str
) -> None:
    assert (await client.get("/audit", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PROPFIND", "X" * 30])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/audit")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_no_other_origin_may_read_or_send(client: httpx.AsyncClient) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for answer in (
        await client.options("/keys", headers=asked),
        await client.get("/audit", headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_every_answer_says_what_browsers_may_do(client: httpx.AsyncClient) -> None:
    for path in ("/audit", "/none", "//", "/login", "/openapi.json"):
        answer = await client.get(path)
        assert HEADERS.keys() <= answer.headers.keys(), path
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_gateway_without_keys_opens_to_this_machine_alone(
    tmp_path: Path, sqlite_url: str
) -> None:
    closed = Settings(data=tmp_path, journal_url=SecretStr(sqlite_url))
    named = closed.model_copy(update={"gateway_hosts": ("shop.example",)})
    async with open_runtime(closed) as opened:
        database = opened.journal.database
        for host in ("127.0.0.1", "::1", "localhost", "127.0.0.2"):
            await require_closed(host, database, closed)
        for host in ("0.0.0.0", "::", "10.0.0.5", "shop.example", ""):
            with pytest.raises(NotClosed, match="new_key"):
                await require_closed(host, database, named)
        await api_keys.first_key(opened.journal, ("admin",))
        await require_closed("0.0.0.0", database, named)
        with pytest.raises(NotClosed, match="AGENT_FLOWS_GATEWAY_HOSTS"):
            await require_closed("0.0.0.0", database, closed)

"""Outside calls go through the usual proxy and trust the usual CA; loopback never goes through a proxy."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.network import is_loopback
from agents.runtime.errors import SettingsError, TransientError, UnknownOutcome
from agents.services.fetching.addresses import AddressNotAllowed
from agents.services.fetching.fetcher import Caps, Fetcher
from agents.services.http import Call, HttpApi
from agents.services.proxies import proxy_for, tls
from tests.proxies import BODY, RecordingProxy, TlsServer, recording_proxy, tls_server

HOST = "shop.example"
PUBLIC = "93.184.216.34"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*VARIABLES, *map(str.lower, VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    tls.cache_clear()
    yield
    tls.cache_clear()


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TlsServer]:
    """A server named shop.example, whose CA this process trusts."""
    async with tls_server(tmp_path, HOST) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca))
        yield server


@pytest.fixture
async def proxy(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RecordingProxy]:
    """A proxy for both schemes, with a login."""
    async with recording_proxy(server.port) as proxy:
        for name in VARIABLES[:2]:
            monkeypatch.setenv(name, proxy.url.replace("://", "://user:p%40ss@"))
        yield proxy


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of every name, in place of those that a resolver knows."""
    addresses = [PUBLIC]
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **options: Any) -> Any:
        if host == HOST:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "db.localhost",
        "127.0.0.1",
        "127.3.2.1",
        "::1",
        "::ffff:127.0.0.1",
    ],
)
def test_loopback_never_goes_through_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    assert is_loopback(host)
    assert proxy_for(f"http://[{host}]:80/" if ":" in host else f"http://{host}/") is None


def test_other_addresses_go_through_the_proxy_of_their_scheme(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    assert proxy_for("https://localhost.example/") == "http://proxy:3128"
    assert proxy_for("https://128.0.0.1/") == "http://proxy:3128"
    assert proxy_for("http://128.0.0.1/") is None
    monkeypatch.setenv("NO_PROXY", "example")
    assert proxy_for("https://shop.example/") is None


async def test_a_service_is_called_through_the_proxy_and_by_its_certificate(
    proxy: RecordingProxy, server: TlsServer
) -> None:
    async with HttpApi("shop", f"https://{HOST}") as api:
        answer = await api.call(Call("do", "POST", "/x", json={}))
    assert answer.body == {"ok": True}
    assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]
    assert proxy.logins == ["Proxy-Authorization: Basic dXNlcjpwQHNz"]
    assert server.named == [HOST]


async def test_a_service_on_this_machine_is_called_without_the_proxy(
    proxy: RecordingProxy, server: TlsServer
) -> None:
    async with HttpApi("shop", f"https://localhost:{server.port}") as api:
        with pytest.raises(
            TransientError, match="no connection"
        ):  # the name is not the certificate's
            await api.call(Call("do", "POST", "/x", json={}))
    assert proxy.asked == []


async def test_what_a_proxy_refuses_has_certainly_not_happened(proxy: RecordingProxy) -> None:
    proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with HttpApi("shop", f"https://{HOST}") as api:
        with pytest.raises(TransientError, match=r"no connection .*ProxyError") as refused:
            await api.call(Call("do", "POST", "/x", json={}))
    assert not isinstance(refused.value, UnknownOutcome)


async def test_an_unknown_ca_is_no_connection_and_a_missing_file_is_named(
    proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with HttpApi("shop", f"https://{HOST}") as api:
        with pytest.raises(TransientError, match="no connection"):
            await api.call(Call("do", "POST", "/x", json={}))
    assert len(proxy.asked) == 1
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    tls.cache_clear()
    with pytest.raises(SettingsError, match="SSL_CERT_FILE"):
        tls()


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_document_is_fetched_from_the_checked_address_through_the_proxy(
    proxy: RecordingProxy, server: TlsServer, resolved: list[str], tmp_path: Path, scheme: str
) -> None:
    """The proxy looks no name up: what it finds may be another address than the one that was checked."""
    async with Fetcher(tmp_path / "store", caps=Caps(seconds=5)) as fetcher:
        if scheme == "https":
            assert (await fetcher.fetch(f"https://{HOST}/a")).size == len(BODY)
            assert server.named == [HOST]
        else:
            with pytest.raises(TransientError):  # the server speaks TLS only
                await fetcher.fetch(f"http://{HOST}/a")
    port = {"https": 443, "http": 80}[scheme]
    assert set(proxy.asked) == {f"CONNECT {resolved[0]}:{port} HTTP/1.1"}
    assert set(proxy.logins) == {"Proxy-Authorization: Basic dXNlcjpwQHNz"}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("address", ["10.0.0.8", "169.254.169.254", "127.0.0.1"])
async def test_a_private_address_is_refused_behind_a_proxy_too(
    proxy: RecordingProxy, resolved: list[str], tmp_path: Path, address: str
) -> None:
    resolved[:] = [PUBLIC, address]
    async with Fetcher(tmp_path / "store", caps=Caps(seconds=5)) as fetcher:
        with pytest.raises(AddressNotAllowed, match=address):
            await fetcher.fetch(f"https://{HOST}/a")
    assert proxy.asked == []


def environment_after_import(**given: str) -> dict[str, str]:
    """The variables of a fresh process that has imported the runtime."""
    code = "import json, os, agents.runtime; print(json.dumps(dict(os.environ)))"
    kept = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | given, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_what_other_libraries_read_is_completed_for_this_process_and_its_children() -> None:
    found = environment_after_import(
        no_proxy="corp.example 10.1.1.1",
        PREFECT_API_URL="http://127.0.0.5:4200/api",
        REQUESTS_CA_BUNDLE="/etc/corp.pem",
    )
    hosts = "corp.example,10.1.1.1,localhost,127.0.0.1,::1,127.0.0.0/8,127.0.0.5"
    assert found["no_proxy"] == found["NO_PROXY"] == hosts
    assert found["SSL_CERT_FILE"] == "/etc/corp.pem"
    assert "SSL_CERT_FILE" not in environment_after_import()

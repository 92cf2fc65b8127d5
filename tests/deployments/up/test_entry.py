"""The entry with a certificate: TLS and nothing else, and Prefect's websockets through it to two servers."""

import asyncio
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.events import Event
from prefect.events.clients import PrefectEventsClient, PrefectEventSubscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    temporary_settings,
)

from deployments.components import SERVER_AUTH
from deployments.up import entry, ports
from deployments.up.entry import Public, Route
from tests.agents.services.notifications.certificate import contexts
from tests.deployments.up.test_production import replica
from tests.deployments.up.test_up import Up, up
from tests.redis_servers import eventually

EVENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a test: its port with TLS, and what a client trusts."""

    port: int
    trusting: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def get(self, path: str, **more: str) -> httpx.Response:
        with httpx.Client(verify=self.trusting, trust_env=False) as client:
            return client.get(f"{self.url}{path}", headers=more)

    def answers(self) -> bool:
        try:
            return self.get("/name").is_success
        except httpx.HTTPError:
            return False


@pytest.fixture
def tls_entry(tmp_path: Path) -> Iterator[Entry]:
    """An entry with a certificate for 127.0.0.1, before one replica."""
    _, trusting = contexts(tmp_path)
    pem = tmp_path / "server.pem"  # certificate and key
    with replica(tmp_path, "one") as port:
        found = Entry(ports.free(), trusting)
        route = Route("gateway", ports.free(), (port,), public=found.port)
        file = tmp_path / "entry.json"
        entry.write(file, entry.configuration([route], Public(certificate=pem, key=pem)))
        with running(file):
            eventually(found.answers)
            yield found


@contextmanager
def running(file: Path) -> Iterator[None]:
    argv = [entry.caddy(), "run", "--config", str(file)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL, env={**os.environ}) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.slow
async def test_a_handshake_shows_the_certificate_and_takes_no_old_version(tls_entry: Entry) -> None:
    found = await handshake(tls_entry)
    assert found.version() == "TLSv1.3"
    certificate = found.getpeercert() or {}
    assert certificate["subjectAltName"] == (("IP Address", "127.0.0.1"),)
    tls_entry.trusting.set_ciphers("DEFAULT@SECLEVEL=0")  # else the client itself refuses
    tls_entry.trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls_entry.trusting.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        await handshake(tls_entry)


async def handshake(to: Entry) -> ssl.SSLObject:
    _, writer = await asyncio.open_connection("127.0.0.1", to.port, ssl=to.trusting)
    try:
        found: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return found
    finally:
        writer.close()


@pytest.mark.slow
def test_plain_http_is_refused_and_so_are_other_hosts(tls_entry: Entry) -> None:
    assert tls_entry.get("/name").text == "one"
    plain = httpx.get(f"http://127.0.0.1:{tls_entry.port}/name", trust_env=False)
    assert plain.status_code == 400
    assert plain.text.strip() == "Client sent an HTTP request to an HTTPS server."
    assert tls_entry.get("/name", Host="other.example.com").status_code == 421


@pytest.mark.slow
def test_who_does_not_trust_the_certificate_gets_nothing(tls_entry: Entry) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{tls_entry.url}/name", trust_env=False)


@pytest.mark.campaign
async def test_events_reach_all_subscribers_through_the_entry_and_survive_a_server(
    tmp_path: Path,
) -> None:
    """Two API servers, TLS and a password; subscribers are spread over both by the entry."""
    contexts(tmp_path)
    pem, data = tmp_path / "server.pem", tmp_path / "data"
    options = ("--production", "--embedded", "--certificate", str(pem), "--key", str(pem))
    only = ("--only", "prefect-server", "--only", "prefect-services")
    with up(data, *options, *only) as running:
        url = f"https://127.0.0.1:{running.record.ports['tls-prefect-server']}/api"
        secret = running.store.folder / "secrets" / SERVER_AUTH.lower()
        trusted = {
            PREFECT_API_URL: url,
            PREFECT_API_AUTH_STRING: secret.read_text("utf-8").strip(),
            PREFECT_API_SSL_CERT_FILE: str(pem),
        }
        with temporary_settings(trusted):
            async with AsyncExitStack() as stack:
                wanted = EventFilter(event=EventNameFilter(prefix=["test.entry"]))
                subscribers = [
                    await stack.enter_async_context(PrefectEventSubscriber(filter=wanted))
                    for _ in range(4)
                ]
                sender = await stack.enter_async_context(PrefectEventsClient(checkpoint_every=1))
                assert served_by_both(running)
                assert await seen(sender, subscribers, "test.entry.both") == {"test.entry.both"}
                kill(running, "prefect-server-1")
                assert await seen(sender, subscribers, "test.entry.one") == {"test.entry.one"}


async def seen(
    sender: PrefectEventsClient, subscribers: list[PrefectEventSubscriber], name: str
) -> set[str]:
    """What each subscriber sees next, once this event is sent."""
    resource = {"prefect.resource.id": "test.entry"}
    await sender.emit(Event(event=name, resource=resource))
    async with asyncio.timeout(EVENT_SECONDS):
        found = await asyncio.gather(*(anext(one) for one in subscribers))
    return {one.event for one in found}


def kill(running: Up, name: str) -> None:
    os.kill(pid_of(running, name), signal.SIGKILL)


def pid_of(running: Up, name: str) -> int:
    [found] = [one.pid for one in running.record.entries if one.name == name]
    return found


def served_by_both(running: Up) -> bool:
    """Whether the entry holds two connections at least to each server, beside that of its health checks."""
    caddy = psutil.Process(pid_of(running, "entry"))
    remote = [one.raddr[1] for one in caddy.net_connections() if one.status == "ESTABLISHED"]
    return all(remote.count(running.record.ports[f"prefect-server-{n}"]) > 2 for n in (1, 2))

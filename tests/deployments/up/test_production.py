"""The production form: what it needs, what it refuses, and what the entry lets through."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from prefect.settings.models.root import Settings

from deployments.components import COMPONENTS, SECRETS, Form, component
from deployments.server_settings import SERVER_SETTINGS
from deployments.up import entry, ports
from deployments.up.entry import ENTRY, NoCertificate, Public, Route
from deployments.up.plan import names_of, plan
from deployments.up.production import (
    REQUIRED,
    NotForProduction,
    made_up,
    production,
    secrets_of,
)
from deployments.up.sites import require_shared, with_entry
from tests.redis_servers import eventually

ALL = {
    name: {
        "PREFECT_SERVER_API_AUTH_STRING": "admin:hidden",
        "PREFECT_SERVER_ENCRYPTION_KEY": "key",
    }.get(
        name, "redis://h/0" if "REDIS" in name or "DOCKET" in name else "postgresql+asyncpg://h/d"
    )
    for name in REQUIRED
}


def test_all_that_is_missing_is_named_at_once_without_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in REQUIRED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(REQUIRED[0], "postgresql+asyncpg://user:hidden@h/d")
    with pytest.raises(NotForProduction) as refused:
        secrets_of(tmp_path)
    lines = str(refused.value).splitlines()[1:]
    assert [line.split()[0] for line in lines] == [*REQUIRED[1:]]
    assert "hidden" not in str(refused.value)


def test_a_file_of_the_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REQUIRED:
        monkeypatch.setenv(name, "of the environment")
    (tmp_path / REQUIRED[0].lower()).write_text("of the file\n")
    found = secrets_of(tmp_path)
    assert found[REQUIRED[0]] == "of the file"
    assert found[REQUIRED[1]] == "of the environment"
    assert set(found) <= SECRETS


def test_a_trial_makes_its_secrets_once_and_only_its_owner_reads_them(tmp_path: Path) -> None:
    made = made_up(tmp_path / "secrets")
    assert made_up(tmp_path / "secrets") == made
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "secrets").iterdir())


def environment_of_all(data: Path) -> dict[str, dict[str, str]]:
    make = production(data, "http://a/api", "https://flows.example.com", ["flows.example.com"], ALL)
    return {one.name: dict(make(one, 0)) for one in COMPONENTS}


def test_the_form_itself_shares_all_and_a_default_is_refused(tmp_path: Path) -> None:
    environments = environment_of_all(tmp_path)
    require_shared(COMPONENTS, environments)
    environments["prefect-server"]["PREFECT_SERVER_DOCKET_URL"] = "memory://"
    with pytest.raises(NotForProduction, match="set PREFECT_SERVER_DOCKET_URL to redis://"):
        require_shared(COMPONENTS, environments)


def test_it_is_closed(tmp_path: Path) -> None:
    server = environment_of_all(tmp_path)["prefect-server"]
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == server["PREFECT_API_AUTH_STRING"]
    assert server["PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"] == "true"
    assert server["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] == "https://flows.example.com"
    assert server["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert json.loads(server["AGENT_FLOWS_GATEWAY_HOSTS"]) == ["flows.example.com"]
    assert SECRETS.isdisjoint(SERVER_SETTINGS)


def test_the_first_server_alone_registers_what_is_shared(tmp_path: Path) -> None:
    make = production(tmp_path, "http://a/api", "http://a", [], ALL)
    planned = plan(Form.PRODUCTION, {}, make, with_entry(COMPONENTS))
    found = {one.name: one for one in planned}
    register = "PREFECT_SERVER_REGISTER_BLOCKS_ON_START"
    assert register not in found["prefect-server-1"].environment
    for name in ("prefect-server-2", "prefect-services"):
        assert found[name].environment[register] == "false"
    assert "prefect-server-1" in found["prefect-server-2"].after
    assert "entry" in found["migrations"].after
    assert "--no-services" in found["prefect-server-1"].argv
    assert not any("hidden" in word for one in planned for word in (*one.argv, repr(one)))


@pytest.mark.parametrize(
    "public,problem",
    [
        (Public("0.0.0.0"), "0.0.0.0 is reached by others"),
        (Public(certificate=Path("c.pem")), "a certificate and its key go together"),
        (Public(certificate=Path("/none.pem"), key=Path("/none.pem")), "/none.pem cannot be read"),
    ],
)
def test_others_reach_it_with_a_certificate_only(public: Public, problem: str) -> None:
    with pytest.raises(NoCertificate, match=problem):
        public.check()


def test_with_a_certificate_there_is_a_port_with_tls() -> None:
    route = Route("gateway", 1, (2, 3), public=443)
    public = Public("0.0.0.0", ("flows.example.com",), Path("c.pem"), Path("k.pem"))
    servers = entry.configuration([route], public)["apps"]["http"]["servers"]
    assert servers["gateway-tls"]["listen"] == ["0.0.0.0:443"]
    assert servers["gateway"]["listen"] == ["127.0.0.1:1"]
    replicas = names_of(component("gateway"), Form.PRODUCTION)
    assert entry.routes(
        {"gateway-1": 2, "gateway-2": 3, "entry-gateway": 1, "tls-gateway": 443}
        | dict.fromkeys(["entry-prefect-server", "tls-prefect-server", "s"], 9),
        {"gateway": replicas, "prefect-server": ["s"]},
    )[1] == replace(route)


def test_the_entry_stands_before_what_runs() -> None:
    [route] = entry.routes(
        {"prefect-server-1": 1, "entry-prefect-server": 2, "tls-prefect-server": 3},
        {"prefect-server": ["prefect-server-1"], "prefect-services": ["prefect-services"]},
    )
    assert route == Route("prefect-server", 2, (1,), public=3)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def replica(folder: Path, name: str) -> Iterator[int]:
    """A server whose /name says which it is, and that is ready."""
    own = folder / name
    own.mkdir()
    (own / "name").write_text(name)
    (own / "ready").write_text("")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(own))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_the_entry_passes_by_a_replica_that_is_away_and_refuses_other_hosts(tmp_path: Path) -> None:
    program = entry.caddy()
    with replica(tmp_path, "one") as first, replica(tmp_path, "two") as second:
        route = Route("gateway", ports.free(), (first, second))
        file = tmp_path / "entry.json"
        entry.write(file, entry.configuration([route], Public()))
        assert file.stat().st_mode & 0o077 == 0
        address = f"http://127.0.0.1:{route.port}"
        with (
            subprocess.Popen(
                [program, "run", "--config", str(file)],
                stderr=subprocess.DEVNULL,
                env={**os.environ},
            ) as process,
            httpx.Client(base_url=address, trust_env=False) as client,
        ):
            try:
                eventually(lambda: answers(client))
                assert client.get("/name", headers={"Host": "other.example.com"}).status_code == 421
                (tmp_path / "one" / "ready").unlink()
                eventually(lambda: {client.get("/name").text for _ in range(5)} == {"two"})
            finally:
                process.terminate()


def answers(client: httpx.Client) -> bool:
    try:
        return {client.get("/name").text for _ in range(20)} == {"one", "two"}
    except httpx.HTTPError:
        return False


def test_the_entry_is_single_and_has_no_place_on_a_laptop() -> None:
    assert ENTRY.single
    assert ENTRY.replicas[Form.LAPTOP] == 0


def test_prefect_takes_these_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVER_SETTINGS.items():
        monkeypatch.setenv(name, value)
    server = Settings().server
    assert server.events.retention_period.days == 7
    assert server.services.db_vacuum.retention_period.days == 30
    assert server.services.db_vacuum.enabled == {"events", "flow_runs"}
    assert server.api.csrf_protection_enabled
    assert server.docket.url == "memory://"  # it is a secret, so it is not among them

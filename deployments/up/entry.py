"""The entry of a production form: Caddy before several servers and gateways, with health checks and TLS.

It serves known host names only, sends requests to replicas that answer their health check, tries another one
where a connection fails, and passes websockets through, which Prefect's events need.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.runtime.command_line import run_command
from agents.runtime.errors import AgentError, MissingExtra
from deployments.components import PYTHON, Component, Http, Kind, both, component
from deployments.up.plan import LOOPBACK

BALANCED = ("prefect-server", "gateway")  # what it stands before, where it runs
EXTRA = "production"
CONFIGURATION = "DEPLOYMENTS_ENTRY"  # the file of Caddy's configuration, for the process
TEXT = "DEPLOYMENTS_ENTRY_TEXT"
LIVES = "/entry-lives"  # answered by Caddy itself
MISDIRECTED = 421  # RFC 9110: this server does not answer for this host
TRY_SECONDS, CHECK_SECONDS, ANSWER_SECONDS, FAILED_SECONDS = 10, 1, 5, 5

ENTRY = Component(
    "entry",
    Kind.PROCESS,
    "Balances requests over the servers and gateways; the only one that others may reach.",
    (PYTHON, "-m", "deployments.up.entry"),
    both(0, 1),
    port=4200,
    health=Http(LIVES, LIVES),
    single=True,
)


class NoCertificate(AgentError):
    """An address that others reach needs a certificate and its key."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.problem}: give --certificate and --key, both PEM files that can be read"


@dataclass(frozen=True, slots=True)
class Public:
    """Under which address and names others reach it; without a certificate, this machine alone."""

    host: str = LOOPBACK
    hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None

    @property
    def has_tls(self) -> bool:
        """Whether it has a certificate and a key."""
        return self.certificate is not None and self.key is not None

    @property
    def names(self) -> list[str]:
        """The host names that are answered."""
        return [LOOPBACK, "localhost", *self.hosts]

    def check(self) -> None:
        """Raise NoCertificate if others would reach it in plain text, or a file is missing."""
        if (self.certificate is None) != (self.key is None):
            raise NoCertificate("a certificate and its key go together")
        if self.host not in {LOOPBACK, "localhost", "::1"} and not self.has_tls:
            raise NoCertificate(f"{self.host} is reached by others")
        for file in (self.certificate, self.key):
            if file is not None and not os.access(file, os.R_OK):
                raise NoCertificate(f"{file} cannot be read")


@dataclass(frozen=True, slots=True)
class Route:
    """One port before the replicas of a component; `public` is the port with TLS, 0 without."""

    name: str
    port: int
    upstreams: tuple[int, ...]
    public: int = 0


def configuration(routes: Sequence[Route], public: Public) -> dict[str, Any]:
    """Caddy's configuration. Source: Caddy, JSON Config Structure, apps/http."""
    servers = {one.name: _server(one, public) for one in routes}
    if public.has_tls:
        servers |= {f"{one.name}-tls": _server(one, public, tls=True) for one in routes}
    apps: dict[str, Any] = {"http": {"servers": servers}}
    if public.has_tls:
        files = {"certificate": str(public.certificate), "key": str(public.key)}
        apps["tls"] = {"certificates": {"load_files": [files]}}
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "apps": apps,
    }


def _server(route: Route, public: Public, *, tls: bool = False) -> dict[str, Any]:
    listen = f"{public.host}:{route.public}" if tls else f"{LOOPBACK}:{route.port}"
    server: dict[str, Any] = {
        "listen": [listen],
        "automatic_https": {"disable": True},
        "routes": [
            {
                "match": [{"path": [LIVES], "remote_ip": {"ranges": [LOOPBACK]}}],
                "handle": [{"handler": "static_response", "status_code": 200}],
            },
            {"match": [{"host": public.names}], "handle": [_proxy(route)]},
            {"handle": [{"handler": "static_response", "status_code": MISDIRECTED}]},
        ],
    }
    if tls:
        server["tls_connection_policies"] = [{}]
    return server


def _proxy(route: Route) -> dict[str, Any]:
    health = component(route.name).health
    assert isinstance(health, Http)
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{LOOPBACK}:{port}"} for port in route.upstreams],
        "load_balancing": {
            "selection_policy": {"policy": "least_conn"},
            "try_duration": f"{TRY_SECONDS}s",
            "try_interval": "100ms",
        },
        "health_checks": {
            "active": {
                "uri": health.ready,
                "interval": f"{CHECK_SECONDS}s",
                "timeout": f"{ANSWER_SECONDS}s",
            },
            "passive": {"fail_duration": f"{FAILED_SECONDS}s"},
        },
        "flush_interval": -1,  # events of the gateway are sent as they happen
    }


def routes(ports: Mapping[str, int], names: Mapping[str, Sequence[str]]) -> list[Route]:
    """The routes for these components, whose processes have these names and ports."""
    return [
        Route(
            name,
            ports[f"entry-{name}"],
            tuple(ports[one] for one in names[name]),
            ports[f"tls-{name}"],
        )
        for name in BALANCED
        if name in names
    ]


def caddy() -> str:
    """Caddy's program. Raises MissingExtra."""
    beside = Path(sys.executable).parent / "caddy"
    found = str(beside) if beside.exists() else shutil.which("caddy")
    if found is None:
        raise MissingExtra(EXTRA)
    return found


def write(path: Path, wanted: Mapping[str, Any]) -> None:
    """Write the configuration, readable by its owner alone."""
    path.touch(0o600)
    path.write_text(json.dumps(wanted, indent=1), "utf-8")


def main() -> int:
    """Become Caddy, with the configuration that the environment names. Raises MissingExtra."""
    program = caddy()
    os.execv(program, [program, "run", "--config", os.environ[CONFIGURATION]])  # noqa: S606 - no shell


if __name__ == "__main__":
    run_command(main)

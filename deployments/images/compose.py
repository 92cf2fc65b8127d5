"""Writes or checks the compose file of the components: `python -m deployments.images.compose --write`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from agents.runtime.command_line import run_command
from deployments.components import (
    API_URL,
    CLEANUP_URL,
    CLIENT_AUTH,
    COMPONENTS,
    DATABASE_URL,
    DOCKET_URL,
    ENCRYPTION_KEY,
    JOURNAL_URL,
    MESSAGING_URL,
    PYTHON,
    REDIS_URL,
    SERVER_AUTH,
    Component,
    Form,
    Http,
    Kind,
    component,
    of,
)
from deployments.images.production import APP, EVERYONE, METRICS, USER
from deployments.server_settings import SERVER_SETTINGS

Json = dict[str, Any]
FILE = Path(__file__).with_name("compose.yaml")
HEADER = """\
# Written by `python -m deployments.images.compose --write`. The components of an installation on one machine
# with Docker. It asks for four secrets, in the environment or in a file .env beside it:
# POSTGRES_PASSWORD, REDIS_PASSWORD, PREFECT_AUTH (user:password), PREFECT_KEY (a Fernet key).
"""
IMAGE = "${AGENT_FLOWS_IMAGE:-agent-flows:0.1.0}"
POSTGRESQL, VALKEY = "docker.io/library/postgres:18.1", "docker.io/valkey/valkey:8.1.4"
VALKEY_USER = "999:999"  # of the image, whose folder /data is its own
_PASSWORD, _REDIS = "${POSTGRES_PASSWORD:?}", "redis://:${REDIS_PASSWORD:?}@redis:6379"
SECRET_VALUES = {
    DATABASE_URL: f"postgresql+asyncpg://postgres:{_PASSWORD}@postgresql:5432/prefect",
    JOURNAL_URL: f"postgresql+asyncpg://postgres:{_PASSWORD}@postgresql:5432/journal",
    SERVER_AUTH: "${PREFECT_AUTH:?}",
    CLIENT_AUTH: "${PREFECT_AUTH:?}",
    ENCRYPTION_KEY: "${PREFECT_KEY:?}",
    # Three, and a fourth of the agents, in four databases of one server.
    REDIS_URL: f"{_REDIS}/0",
    CLEANUP_URL: f"{_REDIS}/7",
    DOCKET_URL: f"{_REDIS}/8",
    MESSAGING_URL: f"{_REDIS}/9",
}
HOSTS = "AGENT_FLOWS_GATEWAY_HOSTS"
CLOSED: Json = {
    "init": True,
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "tmpfs": ["/tmp"],  # noqa: S108 - in the container
}


def compose(components: Sequence[Component] = COMPONENTS) -> Json:
    """The compose file of the production form."""
    wanted = of(Form.PRODUCTION, components)
    services = {"postgresql": _postgresql(), "redis": _valkey()}
    services |= {one.name: _service(one) for one in wanted if one.kind is not Kind.STORE}
    return {
        "name": "agent-flows",
        "services": services,
        "volumes": {"database": {}, "data": {}, "leases": {}},
        "configs": {
            "databases": {"content": "CREATE DATABASE journal;\n"},
            "valkey": {"content": "requirepass ${REDIS_PASSWORD:?}\nappendonly yes\n"},
        },
    }


def text() -> str:
    """The compose file as it is committed."""
    body: str = yaml.safe_dump(compose(), sort_keys=False, width=1_000)
    return HEADER + body


def _service(one: Component) -> Json:
    found: Json = {
        "image": IMAGE,
        "command": one.argv(Form.PRODUCTION, PYTHON, "0.0.0.0", one.port),  # noqa: S104 - in it
        "environment": _environment(one),
        "volumes": ["data:/data"],
        "user": f"{USER}:{USER}",
        **CLOSED,
        "depends_on": {name: {"condition": _condition(name)} for name in one.after},
        "restart": "no" if one.kind is Kind.JOB else "unless-stopped",
        "stop_grace_period": "40s",
        "deploy": {
            "replicas": one.replicas[Form.PRODUCTION],
            "resources": {"limits": {"memory": "2G", "cpus": "2"}},
        },
    }
    if isinstance(one.health, Http):
        found["healthcheck"] = _health(one.port, one.health)
    if one.name == "gateway":
        found["ports"] = ["127.0.0.1:8484-8493:8484"]  # one of these for each replica
    return found


def _environment(one: Component) -> dict[str, str]:
    server = component("prefect-server")
    plain = EVERYONE | {API_URL: f"http://{server.name}:{server.port}/api", "PWD": APP}
    if one.exports:
        plain |= METRICS
    if DATABASE_URL in one.needs:
        plain |= SERVER_SETTINGS
    if HOSTS in one.needs:
        plain |= {HOSTS: '["${AGENT_FLOWS_HOST:-localhost}"]'}
    secrets = {name: SECRET_VALUES[name] for name in one.needs if name in SECRET_VALUES}
    return plain | dict(one.sets) | secrets


def _condition(name: str) -> str:
    needed = component(name)
    if needed.kind is Kind.JOB:
        return "service_completed_successfully"
    is_asked = needed.kind is Kind.STORE or isinstance(needed.health, Http)
    return "service_healthy" if is_asked else "service_started"


def _health(port: int, health: Http) -> Json:
    asked = [PYTHON, "-m", "deployments.images.healthy", f"http://127.0.0.1:{port}{health.ready}"]
    return {
        "test": ["CMD", *asked],
        "interval": "10s",
        "timeout": "5s",
        "retries": 6,
        "start_period": "180s",
        "start_interval": "3s",
    }


def _postgresql() -> Json:
    return {
        "image": POSTGRESQL,
        "environment": {"POSTGRES_PASSWORD": _PASSWORD, "POSTGRES_DB": "prefect"},
        "volumes": ["database:/var/lib/postgresql"],
        "configs": [{"source": "databases", "target": "/docker-entrypoint-initdb.d/databases.sql"}],
        "healthcheck": {
            "test": ["CMD", "pg_isready", "--username=postgres", "--dbname=journal"],
            "interval": "5s",
            "timeout": "5s",
            "retries": 20,
        },
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
    }


def _valkey() -> Json:
    return {
        "image": VALKEY,
        "command": ["valkey-server", "/etc/valkey.conf"],  # an argument would show the password
        "environment": {"REDISCLI_AUTH": "${REDIS_PASSWORD:?}"},
        "configs": [{"source": "valkey", "target": "/etc/valkey.conf"}],
        "healthcheck": {"test": ["CMD", "valkey-cli", "ping"], "interval": "5s", "timeout": "5s"},
        "volumes": ["leases:/data"],  # its log, with the leases of Prefect's limits
        "user": VALKEY_USER,
        **CLOSED,
        "restart": "unless-stopped",
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or return 1 if the committed one is another."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.images.compose", description=__doc__
    )
    act = parser.add_mutually_exclusive_group(required=True)
    act.add_argument("--write", action="store_true", help="write the file")
    act.add_argument("--check", action="store_true", help="compare and write nothing")
    if parser.parse_args(arguments).write:
        FILE.write_text(text(), encoding="utf-8")
        return 0
    is_current = FILE.read_text(encoding="utf-8") == text()
    if not is_current:
        print("compose.yaml is stale: run `python -m deployments.images.compose --write`")
    return int(not is_current)


if __name__ == "__main__":
    run_command(main)

"""The environment of each process of an installation."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from agents.runtime.settings import PREFIX, ROOT
from deployments.components import API_URL, DATA, Component
from deployments.server_settings import BATCHES
from deployments.up.plan import LOOPBACK, Environment
from deployments.up.processes import MARKER

# What would lead a process to another server, or to another database, than the installation's own.
OTHERS = ("PREFECT_API_", "PREFECT_PROFILE", "PREFECT_SERVER_", "PREFECT_CLOUD_", "PREFECT_HOME")

LEASE_STORAGE = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"

COMMON = MappingProxyType(
    {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_WORKER_WEBSERVER_HOST": LOOPBACK,
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_LOGGING_COLORS": "false",
    }
)


def forget_others() -> None:
    """Remove from this process's environment what names another Prefect server than the installation's."""
    for name in [name for name in os.environ if name.startswith(OTHERS)]:
        del os.environ[name]


def common(data: Path) -> dict[str, str]:
    """What all processes of the data folder get, with the settings that this process was given."""
    given = {k: v for k, v in os.environ.items() if k.startswith((PREFIX, "PREFECT_"))}
    own = {
        MARKER: str(data),
        DATA: str(data),
        "PREFECT_HOME": str(data / "prefect"),
        "PWD": str(ROOT),  # prefect.yaml asks for it
    }
    return given | COMMON | BATCHES | own | _around_proxies()


def laptop(data: Path, ports: Mapping[str, int]) -> Environment:
    """The environment of a laptop's processes: one server, its database a file of the data folder."""
    shared = common(data) | {
        API_URL: f"http://{LOOPBACK}:{ports['prefect-server']}/api",
        LEASE_STORAGE: "prefect.server.concurrency.lease_storage.filesystem",  # survives its server
    }

    def of(_component: Component, _number: int) -> Mapping[str, str]:
        return shared

    return of


def _around_proxies() -> dict[str, str]:
    """The loopback interface is never called through a proxy."""
    return {
        name: ",".join(filter(None, (os.environ.get(name, ""), f"{LOOPBACK},localhost")))
        for name in ("NO_PROXY", "no_proxy")
    }

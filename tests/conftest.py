"""Fixtures that tests of every part use."""

import os
import sys
from typing import Any

import pytest

from tests.databases import (
    empty_databases,
    journal_settings,
    journal_url,
    migrated_sqlite,
    new_postgresql_database,
    postgresql_url,
    sqlite_url,
)
from tests.prefect_server import prefect_server
from tests.redis_servers import redis_settings

__all__ = [
    "empty_databases",
    "journal_settings",
    "journal_url",
    "migrated_sqlite",
    "new_postgresql_database",
    "postgresql_url",
    "prefect_server",
    "redis_settings",
    "sqlite_url",
]

# Where a container forbids to keep bytecode, hundreds of child processes would compile us anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

PREFECT_SERVERS = {"prefect_server", "harness"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one Prefect server run in one process; what is shown on SQLite is quick enough."""
    for item in items:
        if shared := PREFECT_SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(min(shared)))
        if "postgresql" in item.name or "postgresql_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("campaign") is not None:
            item.add_marker(pytest.mark.slow)
    # The long ones first, so that no process is left alone with them at the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What fails is told at once: a run that is cut off has no summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        told = getattr(report.longrepr, "reprcrash", None) or report.longreprtext[-300:]
        sys.stderr.write(f"\n{report.when} of {report.nodeid}: {told}\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process that died took along the tests it had yet to run: the run is not over, it is broken off."""
    if error:
        dsession = node.config.pluginmanager.get_plugin("dsession")
        dsession.shouldstop = "a process died, and with it the tests it had yet to run"

"""Fixtures that tests of every part use."""

import gc
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import database_clock
from tests.databases import (
    compiled_once,
    empty_databases,
    journal_settings,
    journal_url,
    migrated_sqlite,
    new_postgresql_database,
    postgresql_url,
    sqlite_url,
)
from tests.memory import pytest_configure, pytest_sessionfinish
from tests.prefect_server import migrated_prefect, prefect_server
from tests.redis_servers import redis_settings

__all__ = [
    "compiled_once",
    "database_clock",
    "empty_databases",
    "journal_settings",
    "journal_url",
    "migrated_prefect",
    "migrated_sqlite",
    "new_postgresql_database",
    "postgresql_url",
    "prefect_server",
    "pytest_configure",
    "pytest_sessionfinish",
    "redis_settings",
    "sqlite_url",
]

# Until all tests are imported there is next to no garbage, and looking for it takes a third of that time.
gc.disable()

# Child processes inherit a signal that is ignored, as Ctrl-C is where the suite runs in the background.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Flows whose tests run on PostgreSQL too, and tests of the runtime for which the database means little:
# all other tests of flows, and these, run on PostgreSQL in the campaign.
FLOWS_ON_BOTH = {"test_keys.py", "test_returns.py"}
MOSTLY_ON_SQLITE = {
    "test_admission.py",
    "test_agent.py",
    "test_attempt.py",
    "test_branches.py",
    "test_budgets.py",
    "test_bus.py",
    "test_concurrency_limit.py",
    "test_consumer.py",
    "test_deadline.py",
    "test_durations.py",
    "test_forecaster.py",
    "test_generations.py",
    "test_graph_actions.py",
    "test_intake.py",
    "test_item_eta.py",
    "test_losses.py",
    "test_order.py",
    "test_outbox.py",
    "test_pace.py",
    "test_poison.py",
    "test_request_reply.py",
    "test_saga.py",
    "test_step.py",
    "test_task_kills.py",
    "test_unsubscribe.py",
    "test_webhook_delivery.py",
    "test_workflow_run.py",
}
# Files whose tests take seconds together, so that the fast part leaves them out.
SLOW_FILES = {
    "test_architecture.py",
    "test_bad_input.py",
    "test_branches.py",
    "test_chunks.py",
    "test_clock_set.py",
    "test_contracts.py",
    "test_earlier.py",
    "test_ending.py",
    "test_fetcher.py",
    "test_forecaster.py",
    "test_process_pool.py",
    "test_proposals.py",
    "test_retrieve.py",
    "test_scheduling.py",
    "test_slow_calls.py",
    "test_statuses.py",
    "test_unique_rows.py",
    "test_unsent_messages.py",
    "test_workflow_run.py",
}
PREFECT_SERVERS = {"prefect_server", "harness"}
# Files outside of the agents' own, whose tests need the models of customer service too.
UNDERSTANDING_FILES = {
    "test_attacks.py",
    "test_customer_service.py",
    "test_evaluation.py",
    "test_talking.py",
}
LONGEST_IN_A_NAME = 200  # characters or bytes
XDIST_GROUP = re.compile(r"@(prefect_server|harness|understanding)$")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a Prefect server run in one process; tests on PostgreSQL are slow ones.

    So do slow tests that understand customers: each process takes seconds to fit the models for it.
    """
    for item in items:
        if shared := PREFECT_SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(min(shared)))
        if item.path.name in SLOW_FILES:
            item.add_marker(pytest.mark.slow)
        if "postgresql" in item.name or "postgresql_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if "postgresql" in item.name and _is_left_to_the_campaign(item.path):
            item.add_marker(pytest.mark.campaign)
        if item.get_closest_marker("campaign") is not None:
            item.add_marker(pytest.mark.slow)
        if not shared and item.get_closest_marker("slow") is not None and _understands(item.path):
            item.add_marker(pytest.mark.xdist_group("understanding"))
    # The slow ones first, so that they do not remain alone at the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """From now on look for garbage, among what the tests create and not among all modules again.

    And less often than Python does by itself, which took some 5 % of the tests' time.
    """
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keep files of a megabyte out of the names of tests, which processes send each other with each report."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_IN_A_NAME:
        return f"{argname} of {len(val)}"
    return None


def _understands(path: Path) -> bool:
    return "support" in path.parts or path.name in UNDERSTANDING_FILES


def _is_left_to_the_campaign(path: Path) -> bool:
    is_other_flow = "flows" in path.parts and path.name not in FLOWS_ON_BOTH
    return is_other_flow or path.name in MOSTLY_ON_SQLITE


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write each failure at once, since a run that is cut off has no summary.

    xdist adds "@" and the group to the name of a test. Without it, `--last-failed` finds the test.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    report.nodeid = XDIST_GROUP.sub("", report.nodeid)
    if report.failed:
        reason = getattr(report.longrepr, "reprcrash", None) or report.longreprtext[-300:]
        sys.stderr.write(f"\n{report.when} of {report.nodeid}: {reason}\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Stop the run if a process of it ended: the tests that it had left will not run."""
    if error:
        dsession = node.config.pluginmanager.get_plugin("dsession")
        dsession.shouldstop = "a test process ended, and the tests that it had left will not run"

"""Several replicas are refused while anything is in the memory of one of them."""

import pytest
from prefect.settings import get_current_settings

from deployments.in_memory import SERVER_STATE, STATE_OF, in_memory_defaults, notes

SHARED = {shared.variable: shared.set_to for state in STATE_OF.values() for shared in state}


@pytest.mark.parametrize("component", STATE_OF)
def test_with_all_shared_there_may_be_several(component: str) -> None:
    assert in_memory_defaults(component, SHARED, 3) == []


@pytest.mark.parametrize("component", STATE_OF)
def test_each_default_is_named_with_its_variable(component: str) -> None:
    for shared in STATE_OF[component]:
        [line] = in_memory_defaults(component, SHARED | {shared.variable: ""}, 2)
        assert line == f"{component}: {shared.what}: set {shared.variable} to {shared.set_to}"


def test_one_replica_may_keep_its_state() -> None:
    assert in_memory_defaults("prefect-server", {}, 1) == []
    assert len(in_memory_defaults("prefect-services", {}, 1)) == len(SERVER_STATE)


def test_prefects_own_defaults_are_refused() -> None:
    """What this release of Prefect says of itself, so that a renamed default is noticed."""
    server = get_current_settings().server
    defaults = {
        "PREFECT_SERVER_DOCKET_URL": server.docket.url,
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": server.events.messaging_broker,
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": server.events.messaging_cache,
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": server.events.causal_ordering,
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": server.concurrency.lease_storage,
        "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": (
            server.worker_channel.cleanup_queue_storage
        ),
    }
    assert len(in_memory_defaults("prefect-server", SHARED | defaults, 2)) == len(defaults)
    assert all("memory" in value for value in defaults.values())


def test_a_limit_of_each_process_is_refused_and_no_value_is_shown() -> None:
    environment = SHARED | {
        "AGENT_FLOWS_CONCURRENCY": "local",
        "AGENT_FLOWS_JOURNAL_URL": "sqlite+aiosqlite:///secret",
    }
    lines = in_memory_defaults("gateway", environment, 2)
    assert len(lines) == 2
    assert "secret" not in "".join(lines)


def test_notes_are_about_components_that_the_environment_concerns() -> None:
    assert notes({}) == []
    assert notes(SHARED) == []
    [line] = notes({"AGENT_FLOWS_JOURNAL_URL": "postgresql+asyncpg://h/d"})
    assert line.startswith("note: one replica only: gateway: ")
    assert line.endswith("set AGENT_FLOWS_REDIS_URL to redis://…/0")

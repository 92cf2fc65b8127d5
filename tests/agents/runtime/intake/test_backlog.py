"""The backlog of a queue: metrics, table and alert."""

import time

from prometheus_client import REGISTRY

from agents.runtime.context import Runtime
from agents.runtime.intake.backlog import alert_if_old, backlog_table, read_backlog
from tests.agents.runtime.jobs import change
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def metric(name: str, tenant: str) -> float | None:
    labels = {"queue": "jobs", "tenant": tenant, "priority": "normal"}
    return REGISTRY.get_sample_value(f"agent_flows_queue_{name}", labels)


async def test_the_backlog_is_exported_and_old_values_are_removed(opened: Runtime) -> None:
    await send(opened, "a", 2)
    await send(opened, "b", 1)
    await read_backlog(opened.journal.database, "jobs")
    assert [metric("waiting", "a"), metric("waiting", "b")] == [2, 1]
    drain = REGISTRY.get_sample_value("agent_flows_queue_drain_seconds", {"queue": "jobs"})
    assert drain == float("inf")
    await next_keys(opened, 3)
    for key in ("a-normal-0", "a-normal-1", "b-normal-0"):
        await change(key, accepted_at=time.time() - 300)
    assert (await read_backlog(opened.journal.database, "jobs")).entries == []
    assert metric("waiting", "a") is None


async def test_an_item_that_waits_too_long_raises_an_alert(opened: Runtime) -> None:
    await send(opened, "a", 1)
    assert not await alert_if_old(
        "jobs", await read_backlog(opened.journal.database, "jobs"), limit=60
    )
    await change("a-normal-0", accepted_at=time.time() - 300)
    found = await read_backlog(opened.journal.database, "jobs")
    assert await alert_if_old("jobs", found, limit=60)
    (row,) = backlog_table(found.entries)
    assert (row["waiting"], row["oldest"], row["work"]) == ("1", "5 min", "?")
    assert found.drained() == "no consumer runs: nothing is drained"
    await change("a-normal-0", retry_at=time.time() + 60)
    assert not await alert_if_old(
        "jobs", await read_backlog(opened.journal.database, "jobs"), limit=60
    )

"""A look at a queue: metrics, a table, and an alert when something waits for too long."""

import time

from prometheus_client import REGISTRY

from agents.runtime.context import Runtime
from agents.runtime.intake.monitor import alert_if_old, look, table
from tests.agents.runtime.jobs import change
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def metric(name: str, tenant: str) -> float | None:
    labels = {"queue": "jobs", "tenant": tenant, "priority": "normal"}
    return REGISTRY.get_sample_value(f"agent_flows_queue_{name}", labels)


async def test_what_waits_is_exported_and_what_no_longer_waits_is_not(opened: Runtime) -> None:
    await send(opened, "a", 2)
    await send(opened, "b", 1)
    await look(opened.journal.database, "jobs")
    assert [metric("waiting", "a"), metric("waiting", "b")] == [2, 1]
    drain = REGISTRY.get_sample_value("agent_flows_queue_drain_seconds", {"queue": "jobs"})
    assert drain == float("inf")
    await next_keys(opened, 3)
    for key in ("a-normal-0", "a-normal-1", "b-normal-0"):
        await change(key, accepted_at=time.time() - 300)
    assert await look(opened.journal.database, "jobs") == []
    assert metric("waiting", "a") is None


async def test_an_old_item_raises_an_alert(opened: Runtime) -> None:
    await send(opened, "a", 1)
    assert not alert_if_old("jobs", await look(opened.journal.database, "jobs"), limit=60)
    await change("a-normal-0", accepted_at=time.time() - 300)
    found = await look(opened.journal.database, "jobs")
    assert alert_if_old("jobs", found, limit=60)
    (row,) = table(found)
    assert (row["waiting"], row["oldest"], row["drained in"]) == ("1", "300 s", "?")
    await change("a-normal-0", retry_at=time.time() + 60)
    assert not alert_if_old("jobs", await look(opened.journal.database, "jobs"), limit=60)

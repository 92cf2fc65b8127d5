"""The backlog of a queue: metrics, table, alert, and the number of consumers that it needs."""

import time

from prometheus_client import REGISTRY

from agents.runtime.context import Runtime
from agents.runtime.intake.scaling import (
    LOOKS,
    Bounds,
    Scaler,
    alert_if_old,
    backlog_table,
    drain_seconds,
    read_backlog,
)
from agents.runtime.journal.queue import Backlog
from tests.agents.runtime.jobs import change
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def waits(waiting: int, served: float, delayed: int = 0) -> list[Backlog]:
    return [Backlog("jobs", "a", "normal", waiting, delayed, 1.0, 0.0, served)]


def scaler(least: int = 0, most: int = 8) -> Scaler:
    return Scaler(Bounds(least, most, target=60.0))


def test_the_number_grows_to_drain_in_time_but_at_most_doubles() -> None:
    assert scaler().wanted(2, waits(9_000, served=100.0)) == 3
    assert scaler().wanted(2, waits(90_000, served=100.0)) == 4
    assert scaler(most=3).wanted(2, waits(90_000, served=100.0)) == 3


def test_items_without_a_consumer_start_some() -> None:
    assert scaler().wanted(0, waits(1, served=0.0)) == 2
    assert scaler(most=1).wanted(0, waits(1, served=0.0)) == 1


def test_within_the_target_range_nothing_changes() -> None:
    steady = scaler()
    assert [steady.wanted(3, waits(3_000, served=100.0)) for _ in range(3 * LOOKS)] == [
        3
    ] * 3 * LOOKS


def test_the_number_shrinks_by_one_after_looks_that_agree() -> None:
    calm = scaler(least=1)
    assert [calm.wanted(3, waits(0, 0.0)) for _ in range(LOOKS)] == [3] * (LOOKS - 1) + [2]
    assert calm.wanted(2, waits(3_000, served=100.0)) == 2
    assert [calm.wanted(2, waits(0, 0.0)) for _ in range(LOOKS)] == [2] * (LOOKS - 1) + [1]
    assert {calm.wanted(1, waits(0, 0.0)) for _ in range(2 * LOOKS)} == {1}


def test_delayed_items_ask_for_no_consumer() -> None:
    assert drain_seconds(waits(500, served=0.0, delayed=500)) == 0


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
    assert await read_backlog(opened.journal.database, "jobs") == []
    assert metric("waiting", "a") is None


async def test_an_item_that_waits_too_long_raises_an_alert(opened: Runtime) -> None:
    await send(opened, "a", 1)
    assert not await alert_if_old(
        "jobs", await read_backlog(opened.journal.database, "jobs"), limit=60
    )
    await change("a-normal-0", accepted_at=time.time() - 300)
    found = await read_backlog(opened.journal.database, "jobs")
    assert await alert_if_old("jobs", found, limit=60)
    (row,) = backlog_table(found)
    assert (row["waiting"], row["oldest"], row["drained in"]) == ("1", "300 s", "?")
    await change("a-normal-0", retry_at=time.time() + 60)
    assert not await alert_if_old(
        "jobs", await read_backlog(opened.journal.database, "jobs"), limit=60
    )

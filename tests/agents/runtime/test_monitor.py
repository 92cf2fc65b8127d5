"""The monitor: the journal's readings are exported by one process, for a limited time, with bounded labels."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agents.runtime.context import Runtime
from agents.runtime.journal.database import Database
from agents.runtime.metrics import CATALOGUE, MOST_TENANTS, OTHERS, JournalGauge
from agents.runtime.monitor import Monitor
from tests.agents.runtime.jobs import change
from tests.agents.runtime.journal.test_fair_queueing import next_keys, send


def monitor(opened: Runtime) -> Monitor:
    return Monitor(opened.settings, opened.journal.database)


def waiting(tenant: str) -> float | None:
    labels = {"queue": "jobs", "tenant": tenant, "priority": "normal"}
    return REGISTRY.get_sample_value("agent_flows_queue_waiting", labels)


async def test_a_queue_is_exported_and_old_values_go(opened: Runtime) -> None:
    await send(opened, "a", 2)
    await send(opened, "b", 1)
    mine = monitor(opened)
    assert await mine.look()
    assert [waiting("a"), waiting("b")] == [2, 1]
    drain = REGISTRY.get_sample_value("agent_flows_queue_drain_seconds", {"queue": "jobs"})
    assert drain == float("inf")
    assert REGISTRY.get_sample_value("agent_flows_leases", {"state": "alive"}) == 1
    await next_keys(opened, 3)
    for key in ("a-normal-0", "a-normal-1", "b-normal-0"):
        await change(key, accepted_at=time.time() - 300)
    assert await mine.look()
    assert waiting("a") is None
    held = {"queue": "jobs", "state": "processing"}
    assert REGISTRY.get_sample_value("agent_flows_items_unfinished", held) == 3


async def test_one_of_many_has_the_turn_until_it_goes(opened: Runtime) -> None:
    first, others = monitor(opened), [monitor(opened) for _ in range(3)]
    assert await first.look()
    assert [await other.look() for other in others] == [False] * 3
    assert await first.look()
    await first._give_turn()
    assert sum(await asyncio.gather(*(other._take_turn() for other in others))) == 1


async def test_the_turn_of_a_killed_process_runs_out(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runtime.monitor.GRACE", -5.0)  # over as soon as it is taken
    first, second = monitor(opened), monitor(opened)
    assert await first.look()
    assert await second.look()


def test_values_are_dropped_when_nobody_reads_them() -> None:
    gauge = JournalGauge("agent_flows_test_dropped", "A test", ["queue"])
    try:
        gauge.show({("orders",): 1.0}, time.monotonic() + 60)
        assert REGISTRY.get_sample_value("agent_flows_test_dropped", {"queue": "orders"}) == 1
        gauge.show({("orders",): 1.0}, time.monotonic() - 1)
        assert REGISTRY.get_sample_value("agent_flows_test_dropped", {"queue": "orders"}) is None
    finally:
        REGISTRY.unregister(gauge)


async def test_an_unreadable_journal_is_down(opened: Runtime, tmp_path: Path) -> None:
    lost = Database(f"sqlite+aiosqlite:///{tmp_path / 'folder' / 'other.db'}")
    await Monitor(opened.settings, lost)._look_safely()
    assert REGISTRY.get_sample_value("agent_flows_journal_up") == 0
    await lost.close()
    await monitor(opened)._look_safely()
    assert REGISTRY.get_sample_value("agent_flows_journal_up") == 1


async def test_no_label_grows_with_what_callers_send(opened: Runtime) -> None:
    for number in range(MOST_TENANTS + 5):
        await send(opened, f"tenant-{number}", 1)
    await change("tenant-1-normal-0", key='evil"} 1\n# TYPE x counter')
    assert await monitor(opened).look()
    assert waiting(OTHERS) == 5
    values: dict[tuple[str, str], set[str]] = {}
    for family in text_string_to_metric_families(generate_latest().decode()):
        for sample in family.samples:
            for name, value in sample.labels.items():
                values.setdefault((family.name, name), set()).add(value)
    for metric in CATALOGUE.values():
        for label in metric.labels:
            found = values.get((metric.name.removesuffix("_total"), label.name), set())
            assert len(found) <= label.most, (metric.name, label.name, found)
            assert not any("evil" in value or "://" in value for value in found)


def test_everything_that_is_exported_is_in_the_catalogue() -> None:
    families = list(text_string_to_metric_families(generate_latest().decode()))
    ours = {one.name: one for one in families if one.name.startswith("agent_flows_")}
    known = {name.removesuffix("_total") for name in CATALOGUE}
    assert {name.removesuffix("_created") for name in ours} <= known | {"agent_flows_test_dropped"}
    assert replace(CATALOGUE["agent_flows_items_total"], name="a_seconds").unit == "seconds"

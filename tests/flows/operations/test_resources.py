"""The operation on resources: list them, set and remove a capacity; and their metrics."""

from math import inf
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from agents.runtime.context import open_runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.capacity_admin import BadCapacity
from agents.runtime.monitor import Monitor
from agents.runtime.monitor.resources import show_resources
from agents.runtime.settings import settings
from flows.operations.resources import resources


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()


async def test_a_capacity_is_set_listed_measured_and_removed() -> None:
    assert (await resources.fn()).lines == ["no capacity is set: every resource is unlimited"]
    await resources.fn("cpu=8", by="ann", reason="two more cores")
    listing = await resources.fn("tokens=90000/minute", tenant="shop-a", by="ann", reason="plan")
    assert [(row["resource"], row["tenant"], row["capacity"]) for row in listing.table] == [
        ("cpu", "all", "8"),
        ("tokens", "shop-a", "90,000 in 1 min"),
    ]
    assert listing.table[0]["set by"] == "ann"
    labels = {"resource": "cpu", "tenant": ""}
    async with open_runtime(settings()) as opened:
        await Monitor(opened.settings, opened.journal.database).look()
    assert REGISTRY.get_sample_value("agent_flows_resource_capacity", labels) == 8.0
    assert REGISTRY.get_sample_value("agent_flows_resource_waiting", labels) == 0.0
    assert len((await resources.fn("cpu=none", by="ann", reason="enough")).table) == 1
    async with open_runtime(settings()) as opened:
        await show_resources(opened.journal.database, inf)
        assert REGISTRY.get_sample_value("agent_flows_resource_capacity", labels) is None
        found = await entries(
            opened.journal, AuditFilter(act="set-capacity", object="resource cpu")
        )
    assert [row.entry.reason for row in found] == ["enough", "two more cores"]
    assert (found[1].entry.before, found[1].entry.after["amount"]) == ({}, 8.0)


@pytest.mark.parametrize(
    "change",
    [
        "cpu",
        "cpu=",
        "=8",
        "cpu=many",
        "cpu=nan",
        "cpu=-1",
        "cpu=1e999",
        "cpu=8/fortnight",
        "cpu=8/0",
    ],
)
async def test_what_is_no_capacity_is_refused(change: str) -> None:
    with pytest.raises(BadCapacity):
        await resources.fn(change, by="ann", reason="test")
    with pytest.raises(BadCapacity, match="--by and --reason"):
        await resources.fn("cpu=1")

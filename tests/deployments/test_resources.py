"""The declared pools, queues, limits and automations are consistent."""

import re

import pytest

from agents.runtime.journal.scale import require_valid
from agents.runtime.settings import ROOT
from deployments.resources import AUTOMATIONS, HEARTBEAT, LIMITS, POOLS, SCALES, SILENCE, Pool
from flows.workflows import WORKFLOWS


def test_names_are_declared_once() -> None:
    for names in (
        [pool.name for pool in POOLS],
        [limit.name for limit in LIMITS],
        [automation.name for automation in AUTOMATIONS],
        *([queue.name for queue in pool.queues] for pool in POOLS),
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_queues_of_a_pool_differ_in_priority(pool: Pool) -> None:
    priorities = [queue.priority for queue in pool.queues]
    assert len(priorities) == len(set(priorities))
    assert min(priorities) >= 1


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_no_queue_alone_can_fill_its_pool(pool: Pool) -> None:
    assert all(0 < queue.limit < pool.limit for queue in pool.queues)


def test_urgent_work_is_served_first() -> None:
    (default,) = (pool for pool in POOLS if pool.name == "default")
    by_priority = sorted(default.queues, key=lambda queue: queue.priority)
    assert [queue.name for queue in by_priority] == ["urgent", "consumers", "orders", "bulk"]


def test_every_outside_system_of_the_orders_has_slots() -> None:
    assert {limit.name for limit in LIMITS} >= {
        "inventory",
        "payments",
        "carriers",
        "notifications",
    }
    assert all(limit.slots > 0 for limit in LIMITS)


def test_a_run_may_miss_two_heartbeats_before_it_becomes_crashed() -> None:
    (seconds,) = HEARTBEAT.values()
    assert SILENCE.total_seconds() >= 3 * int(seconds)


def test_every_alert_of_the_code_has_its_event_in_the_automation() -> None:
    code = [
        path.read_text("utf-8")
        for part in ("agents", "flows", "deployments")
        for path in (ROOT / part).rglob("*.py")
    ]
    raised = {name for text in code for name in re.findall(r'\b[aA]lert\(\s*"([a-z.-]+)"', text)}
    (alerts,) = (one for one in AUTOMATIONS if not one.actions)
    assert alerts.trigger.expect == {f"agent-flows.{name}" for name in raised}


def test_scaled_queues_exist_and_their_bounds_are_valid() -> None:
    assert set(SCALES) <= set(WORKFLOWS)
    for bounds in SCALES.values():
        require_valid(bounds)

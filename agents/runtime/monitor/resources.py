"""Capacities and budgets as metrics."""

from collections import defaultdict
from collections.abc import Sequence

from agents.runtime.journal.database import Database
from agents.runtime.journal.resource_use import ResourceUse, usage
from agents.runtime.metrics import (
    BUDGET,
    CAPACITY,
    MOST_TENANTS,
    RESOURCE,
    RESOURCE_OLDEST,
    RESOURCE_USED,
    RESOURCE_WAITING,
)
from agents.runtime.monitor.queues import Readings

GAUGES = (BUDGET, CAPACITY, RESOURCE_OLDEST, RESOURCE_USED, RESOURCE_WAITING)


async def show_resources(database: Database, until: float) -> None:
    """Export capacities and budgets until this time of the monotonic clock."""
    readings = Readings()
    for use in bounded(await usage(database)):
        labels = use.resource, use.tenant
        readings.set(CAPACITY, use.amount, *labels)
        readings.set(RESOURCE_USED, use.used, *labels)
        readings.set(RESOURCE_WAITING, use.waiting, *labels)
        readings.set(RESOURCE_OLDEST, use.first.seconds if use.first else 0.0, *labels)
        if use.window_seconds is not None:
            readings.set(BUDGET, _ratio(use), *labels)
    readings.show(GAUGES, until)


def bounded(found: Sequence[ResourceUse]) -> list[ResourceUse]:
    """Of each resource the capacity for all and the tenants that use most of theirs."""
    by_name: defaultdict[str, list[ResourceUse]] = defaultdict(list)
    for use in found:
        by_name[use.resource].append(use)
    kept = list[ResourceUse]()
    for name in sorted(by_name)[: RESOURCE.most]:
        ordered = sorted(by_name[name], key=lambda use: (use.tenant != "", -_ratio(use)))
        kept += ordered[: MOST_TENANTS + 1]
    return kept


def _ratio(use: ResourceUse) -> float:
    return use.used / use.amount if use.amount else float(use.used > 0)

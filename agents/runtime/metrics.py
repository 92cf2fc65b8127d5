"""The one catalogue of metrics: name, kind, labels with their bounds, help, and how processes add up.

Every metric of the product is made here, and only here. Dashboards, alert rules and the runbook are
generated from `CATALOGUE`. A label never holds an item's key or id, a URL, or anything else that a
caller can make up: each label says where its values come from and how many there can be.

Sources: Prometheus, Metric and label naming; Instrumentation, "Do not overuse labels".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]
Across = Literal["sum", "max"]


@dataclass(frozen=True, slots=True)
class Label:
    """A label: where its values come from, and how many different ones there are at most."""

    name: str
    source: str
    most: int


@dataclass(frozen=True, slots=True)
class Metric:
    """What is exported under a name, and what dashboards and rules must know about it.

    `across` says how the values of several processes become one: by their sum, or by the largest one
    where each process exports what it reads of the same journal.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...]
    across: Across

    @property
    def unit(self) -> str:
        """Seconds, bytes, ratio or items, as the name says; empty for a plain number."""
        parts = self.name.removesuffix("_total").rsplit("_", 1)
        return parts[-1] if parts[-1] in {"seconds", "bytes", "ratio", "items"} else ""


AGENT = Label("agent", "names of agents in the code", 200)
VERSION = Label("version", "versions of agents in the code", 20)
OUTCOME = Label("outcome", "outcomes of a call in the code", 10)
QUEUE = Label("queue", "names of scenarios in the code", 50)
TENANT = Label("tenant", "tenants of the journal", 1000)
PRIORITY = Label("priority", "urgent, high, normal, low", 4)
MAJOR = Label("version", "major versions of scenarios in the code", 20)
RESOURCE = Label("resource", "resources that operators set a capacity of", 100)
SOURCE = Label("source", "near, far, computed", 3)
ACTION = Label("action", "ended, second, won", 3)

CATALOGUE: dict[str, Metric] = {}
"""All metrics by name."""


def _describe(
    kind: Kind, name: str, text: str, labels: Sequence[Label], across: Across
) -> tuple[str, str, list[str]]:
    CATALOGUE[name] = Metric(name, kind, text, tuple(labels), across)
    return name, text, [label.name for label in labels]


def _counter(name: str, text: str, *labels: Label) -> Counter:
    return Counter(*_describe("counter", name, text, labels, "sum"))


def _histogram(name: str, text: str, *labels: Label) -> Histogram:
    return Histogram(*_describe("histogram", name, text, labels, "sum"))


def _gauge(name: str, text: str, *labels: Label, across: Across = "max") -> Gauge:
    return Gauge(*_describe("gauge", name, text, labels, across))


ITEMS = _counter(
    "agent_flows_items_total", "Items an agent finished, by outcome", AGENT, VERSION, OUTCOME
)
SECONDS = _histogram(
    "agent_flows_agent_seconds", "Seconds an agent took for one item", AGENT, VERSION
)
WAITING = _gauge("agent_flows_queue_waiting", "Items that wait in a queue", QUEUE, TENANT, PRIORITY)
OLDEST = _gauge(
    "agent_flows_queue_oldest_seconds", "Age of the oldest item that waits", QUEUE, TENANT, PRIORITY
)
ARRIVING = _gauge(
    "agent_flows_queue_arriving", "Items accepted a second, last minute", QUEUE, TENANT, PRIORITY
)
SERVED = _gauge(
    "agent_flows_queue_served", "Items ended a second, last minute", QUEUE, TENANT, PRIORITY
)
CALIBRATION = _gauge(
    "agent_flows_forecast_calibration",
    "Share of the last completed items that took at most their 90th percentile: 0.9 if it is right",
    QUEUE,
)
DRAIN = _gauge("agent_flows_queue_drain_seconds", "Seconds until a queue is drained", QUEUE)
WANTED = _gauge(
    "agent_flows_consumers_wanted",
    "Consumers that a version of a queue needs, as an autoscaler reads it",
    QUEUE,
    MAJOR,
)
CONSUMERS = _gauge("agent_flows_consumers", "Consumers kept on this machine", QUEUE, across="sum")
CAPACITY = _gauge(
    "agent_flows_resource_capacity",
    "How much there is of a resource; tenant is empty for the capacity of all",
    RESOURCE,
    TENANT,
)
RESOURCE_USED = _gauge(
    "agent_flows_resource_used", "What is held or used of a resource", RESOURCE, TENANT
)
RESOURCE_WAITING = _gauge(
    "agent_flows_resource_waiting", "Steps that a capacity blocks", RESOURCE, TENANT
)
RESOURCE_OLDEST = _gauge(
    "agent_flows_resource_oldest_seconds",
    "How long the first in line has waited",
    RESOURCE,
    TENANT,
)
CACHE = _counter(
    "agent_flows_cache_total",
    "Results of pure agents by source: near (this process), far (Redis) or computed",
    AGENT,
    VERSION,
    SOURCE,
)
SLOW_CALLS = _counter(
    "agent_flows_slow_calls_total",
    "Slow calls by what was done: ended (before the policy's time-out), second (attempt begun), won (by it)",
    AGENT,
    VERSION,
    ACTION,
)
CLOCK_SKEW = _gauge(
    "agent_flows_clock_skew_seconds",
    "Seconds by which the database's clock is ahead of this host's",
)
CLOCK_SET = _counter(
    "agent_flows_clock_set_total", "Times that this process saw the database's clock being set"
)
COMMITS = _counter("agent_flows_commits_total", "Transactions the journal committed")

"""The one catalogue of metrics: name, kind, labels with their bounds, help, and how processes add up.

Every metric of the product is made here, and only here. Dashboards, alert rules and the runbook are
generated from `CATALOGUE`. A label never holds an item's key or id, a URL, or anything else that a
caller can make up: each label says where its values come from and how many there can be.

What a process counts itself is a counter, a histogram or a gauge. What stands in the journal is a
`JournalGauge`: one process at a time reads it (see monitor/), for all.

Sources: Prometheus, Metric and label naming; Instrumentation, "Do not overuse labels".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Literal

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Kind = Literal["counter", "gauge", "histogram"]
Across = Literal["sum", "max", "min"]
MOST_TENANTS = 20  # with a label value of their own; the others are one
OTHERS = "(others)"  # no tenant has parentheses in its name


@dataclass(frozen=True, slots=True)
class Label:
    """A label: where its values come from, and how many different ones there are at most."""

    name: str
    source: str
    most: int


@dataclass(frozen=True, slots=True)
class Metric:
    """What is exported under a name, and what dashboards and rules must know about it.

    `across` says how the values of several processes become one: by their sum, or by the largest or the
    smallest one.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...]
    across: Across

    @property
    def unit(self) -> str:
        """Seconds, bytes or ratio, as the name says; empty for a plain number."""
        last = self.name.removesuffix("_total").rsplit("_", 1)[-1]
        return last if last in {"seconds", "bytes", "ratio"} else ""


AGENT = Label("agent", "names of agents in the code", 200)
VERSION = Label("version", "versions of agents in the code", 20)
OUTCOME = Label("outcome", "outcomes of a step and of a message in the code", 12)
QUEUE = Label("queue", "names of scenarios in the code", 50)
TENANT = Label("tenant", f"the {MOST_TENANTS} tenants with most, and {OTHERS}", MOST_TENANTS + 1)
PRIORITY = Label("priority", "urgent, high, normal, low", 4)
MAJOR = Label("version", "major versions of scenarios in the code", 20)
RESOURCE = Label("resource", "resources that operators gave a capacity", 50)
COST = Label("resource", "resources with a promoted model of their cost", 50)
SCOPE = Label("tenant", "tenants that operators gave a capacity, empty for all", MOST_TENANTS + 1)
SOURCE = Label("source", "near, far, computed", 3)
ACTION = Label("action", "ended, second, won", 3)
STATE = Label("state", "states of items in the code that have not ended, and dead_lettered", 5)
ERROR = Label("kind", "transient, timeout, unexpected", 3)
STATUS = Label("status", "waiting, sending, unknown, failed, dead_lettered", 5)
DELIVERY = Label("status", "waiting, dead", 2)
LEASE = Label("state", "alive, expired", 2)
LOST = Label("reason", "expired, journal", 2)
SYSTEM = Label("system", "prefect, redis", 2)
ROUTE = Label("route", "path templates of the gateway's routes, and (none)", 150)
METHOD = Label("method", "HTTP methods, and (other)", 10)
CLASS = Label("status", "2xx, 3xx, 4xx, 429, 5xx", 6)

CATALOGUE: dict[str, Metric] = {}
"""All metrics by name."""


class JournalGauge(Collector):
    """A gauge whose values one process reads in the journal: all at once, and for a limited time.

    A process that no longer reads them stops to export them, so that no old value stays.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._values: Mapping[tuple[str, ...], float] = {}
        self._until = -inf
        REGISTRY.register(self)

    def show(self, values: Mapping[tuple[str, ...], float], until: float) -> None:
        """Export these values, by their labels, until this time of the monotonic clock."""
        self._values, self._until = dict(values), until

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The family without values, by which the registry finds names that are used twice."""
        yield GaugeMetricFamily(self._name, self._text, labels=self._labels)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The family with its values, unless they are too old."""
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        if monotonic() < self._until:
            for labels, value in self._values.items():
                family.add_metric(labels, value)
        yield family


def _described(
    kind: Kind, name: str, text: str, labels: Sequence[Label], across: Across
) -> tuple[str, str, list[str]]:
    CATALOGUE[name] = Metric(name, kind, text, tuple(labels), across)
    return name, text, [label.name for label in labels]


def _counter(name: str, text: str, *labels: Label) -> Counter:
    return Counter(*_described("counter", name, text, labels, "sum"))


def _histogram(name: str, text: str, *labels: Label, buckets: Sequence[float]) -> Histogram:
    return Histogram(*_described("histogram", name, text, labels, "sum"), buckets=buckets)


def _gauge(name: str, text: str, *labels: Label, across: Across = "max") -> Gauge:
    return Gauge(*_described("gauge", name, text, labels, across))


def _in_journal(name: str, text: str, *labels: Label, across: Across = "max") -> JournalGauge:
    return JournalGauge(*_described("gauge", name, text, labels, across))


# -- agents: what this process did

CALL_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
COMMIT_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

ITEMS = _counter(
    "agent_flows_items_total",
    "Items an agent finished, by outcome",
    *(AGENT, VERSION, OUTCOME),
)
SECONDS = _histogram(
    "agent_flows_agent_seconds",
    "Seconds an agent took for one attempt on one item",
    *(AGENT, VERSION),
    buckets=CALL_SECONDS,
)
ERRORS = _counter(
    "agent_flows_agent_errors_total",
    "Attempts of an agent that failed other than by its decision",
    *(AGENT, VERSION, ERROR),
)
CACHE = _counter(
    "agent_flows_cache_total",
    "Results of pure agents by source: near (this process), far (Redis) or computed",
    *(AGENT, VERSION, SOURCE),
)
SLOW_CALLS = _counter(
    "agent_flows_slow_calls_total",
    "Slow calls by what was done: ended (before the policy's time-out), second (attempt begun), won (by it)",
    *(AGENT, VERSION, ACTION),
)
FENCED = _counter(
    "agent_flows_items_fenced_total",
    "Items whose outcome was refused, since another process has taken them over",
)

# -- the journal, leases and clocks, as this process sees them

COMMITS = _counter("agent_flows_commits_total", "Transactions the journal committed")
COMMIT_SECONDS = _histogram(
    "agent_flows_commit_seconds",
    "Seconds of a writing transaction, with the wait for its turn",
    buckets=COMMIT_BUCKETS,
)
JOURNAL_ERRORS = _counter(
    "agent_flows_journal_errors_total",
    "Times that a transaction could not begin or a heartbeat could not be written",
)
JOURNAL_UP = _gauge(
    "agent_flows_journal_up",
    "Whether this process could read the journal at its last look: 1 or 0",
    across="min",
)
LEASES_LOST = _counter(
    "agent_flows_leases_lost_total",
    "Times that this process lost its lease: it expired, or the journal is another one",
    LOST,
)
for _reason in ("expired", "journal"):
    LEASES_LOST.labels(_reason)  # exported as 0, since the first loss would else be no increase
CLOCK_SKEW = _gauge(
    "agent_flows_clock_skew_seconds",
    "Seconds by which the database's clock is ahead of this host's",
)
CLOCK_SET = _counter(
    "agent_flows_clock_set_total", "Times that this process saw the database's clock being set"
)
DISK_FREE = _gauge(
    "agent_flows_disk_free_ratio",
    "Share of the data folder's disk that is free",
    across="min",
)
CONSUMERS = _gauge(
    "agent_flows_consumers", "Consumers that `serve` keeps on this machine", QUEUE, across="sum"
)

# -- queues, read in the journal

UNFINISHED = _in_journal(
    "agent_flows_items_unfinished", "Items that have not ended, and dead letters", QUEUE, STATE
)
WAITING = _in_journal(
    "agent_flows_queue_waiting", "Items that wait in a queue", QUEUE, TENANT, PRIORITY
)
DELAYED = _in_journal(
    "agent_flows_queue_delayed", "Items of those that are due later", QUEUE, TENANT, PRIORITY
)
OLDEST = _in_journal(
    "agent_flows_queue_oldest_seconds",
    "Age of the oldest item that waits and is due",
    *(QUEUE, TENANT, PRIORITY),
)
ARRIVING = _in_journal(
    "agent_flows_queue_arriving",
    "Items accepted a second, last minute",
    *(QUEUE, TENANT, PRIORITY),
)
SERVED = _in_journal(
    "agent_flows_queue_served", "Items ended a second, last minute", QUEUE, TENANT, PRIORITY
)
DRAIN = _in_journal(
    "agent_flows_queue_drain_seconds",
    "Seconds until a queue is drained, infinite without a consumer or while it is paused",
    QUEUE,
)
DRAIN_TARGET = _in_journal(
    "agent_flows_queue_drain_target_seconds", "Seconds in which a queue should be drained", QUEUE
)
PAUSED = _in_journal("agent_flows_queue_paused", "Whether a queue is paused: 1 or 0", QUEUE)
WANTED = _in_journal(
    "agent_flows_consumers_wanted",
    "Consumers that a version of a queue needs, as an autoscaler reads it",
    *(QUEUE, MAJOR),
)
VERSION_ITEMS = _in_journal(
    "agent_flows_version_unfinished",
    "Items and dead letters that need this version (10,000 queued ones are counted at most)",
    *(QUEUE, MAJOR),
)
VERSION_WORKERS = _in_journal(
    "agent_flows_version_workers", "Living consumers whose code has this version", QUEUE, MAJOR
)
VERSION_DRAINED = _in_journal(
    "agent_flows_version_drained",
    "1 for a version that was replaced and that no item needs any more",
    *(QUEUE, MAJOR),
)
ASKING_OLDEST = _in_journal(
    "agent_flows_items_asking_oldest_seconds",
    "How long the first item has waited for a person",
    QUEUE,
)
LETTERS_OLDEST = _in_journal(
    "agent_flows_dead_letters_oldest_seconds", "Age of the oldest open dead letter", QUEUE
)
LETTERS = _in_journal("agent_flows_dead_letters", "Open dead letters", QUEUE)

# -- leases, messages and webhooks, read in the journal

LEASES = _in_journal(
    "agent_flows_leases", "Processes with a lease in the journal, by its state", LEASE
)
ORPHANS = _in_journal(
    "agent_flows_items_orphaned", "Items held by a process whose lease has expired"
)
MESSAGES = _in_journal(
    "agent_flows_messages", "Messages to customers that are not sent, or may not be", STATUS
)
MESSAGES_OLDEST = _in_journal(
    "agent_flows_messages_oldest_seconds", "Age of the oldest of them", STATUS
)
DEAD_MESSAGES = _in_journal(
    "agent_flows_dead_messages", "Messages between agents that a group could not handle"
)
DELIVERIES = _in_journal(
    "agent_flows_webhook_deliveries", "Webhook events that have not arrived", DELIVERY
)
DELIVERIES_LATE = _in_journal(
    "agent_flows_webhook_late_seconds", "How long the webhook event that is due first is late"
)
ENDPOINTS_FAILING = _in_journal(
    "agent_flows_webhook_endpoints_failing", "Enabled webhook endpoints whose calls fail now"
)
ENDPOINTS_DISABLED = _in_journal(
    "agent_flows_webhook_endpoints_disabled", "Webhook endpoints that were disabled"
)

# -- resources, budgets and forecasts, read in the journal

CAPACITY = _in_journal(
    "agent_flows_resource_capacity",
    "How much there is of a resource; tenant is empty for the capacity of all",
    *(RESOURCE, SCOPE),
)
RESOURCE_USED = _in_journal(
    "agent_flows_resource_used", "What is held or used of a resource", RESOURCE, SCOPE
)
RESOURCE_WAITING = _in_journal(
    "agent_flows_resource_waiting", "Steps that a capacity blocks", RESOURCE, SCOPE
)
RESOURCE_OLDEST = _in_journal(
    "agent_flows_resource_oldest_seconds",
    "How long the first in line has waited",
    *(RESOURCE, SCOPE),
)
BUDGET = _in_journal(
    "agent_flows_budget_used_ratio",
    "Share of a budget, such as tokens or cost in 24 hours, that is used in its window",
    *(RESOURCE, SCOPE),
)
CALIBRATION = _gauge(
    "agent_flows_forecast_calibration",
    "Share of the last completed items that took at most their 90th percentile: 0.9 if it is right",
    QUEUE,
)
COST_CALIBRATION = _gauge(
    "agent_flows_forecast_cost_calibration",
    "Share of the last completed items that used at most the 90th percentile of a cost: 0.9 if right",
    *(QUEUE, COST),
)
COST_RATIO = _gauge(
    "agent_flows_forecast_cost_ratio",
    "What the last completed items used over what was forecast for them on average: 1 if right",
    *(QUEUE, COST),
)
CONCORDANCE = _in_journal(
    "agent_flows_forecast_concordance_ratio",
    "Share of pairs of completed items that forecasts put in the right order: 0.5 by chance",
    QUEUE,
)
BY_FORECAST = _in_journal(
    "agent_flows_queue_by_forecast", "Whether forecasts order the queue: 1 or 0", QUEUE
)

# -- other systems and the gateway

SYSTEM_UP = _in_journal(
    "agent_flows_system_up",
    "Whether a system that the settings name answers: 1 or 0",
    SYSTEM,
    across="min",
)
HTTP_SECONDS = _histogram(
    "agent_flows_http_seconds",
    "Seconds until the gateway began its answer",
    *(ROUTE, METHOD, CLASS),
    buckets=CALL_SECONDS,
)

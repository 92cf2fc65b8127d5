"""Dashboards of Grafana, built with its own SDK from the catalogue of metrics."""

from collections.abc import Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard, DataSourceRef

from deployments.observability.promql import across, metric, quantile

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
UNITS = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit", "": "short"}
WIDTH, HEIGHT = 12, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: one line for each combination of labels of each query, named by `legend`.

    Its unit and its description are those of the first metric in the catalogue.
    """

    title: str
    metric: str
    queries: Mapping[str, str]
    unit: str | None = None

    def described(self) -> str:
        """What the metric is, for a person who points at the panel."""
        return metric(self.metric).help


def panel(title: str, name: str, *by: str, select: str = "") -> Panel:
    """A panel of one metric, put together over processes."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by) or metric(name).help
    unit = "cps" if metric(name).kind != "gauge" else None
    return Panel(title, name, {legend: across(name, *by, select=select)}, unit)


def _quantiles(title: str, name: str, *by: str) -> Panel:
    labels = " ".join(f"{{{{{label}}}}}" for label in by)
    shares = {"median": 0.5, "95 %": 0.95}
    found = {
        f"{word} {labels}".strip(): quantile(share, name, *by) for word, share in shares.items()
    }
    return Panel(title, name, found, "s")


def _ratio(title: str, part: str, whole: str, *by: str) -> Panel:
    legend = " ".join(f"{{{{{label}}}}}" for label in by) or title
    return Panel(
        title, part, {legend: f"{across(part, *by)} / {across(whole, *by)}"}, "percentunit"
    )


DASHBOARDS: Mapping[str, tuple[str, Mapping[str, tuple[Panel, ...]]]] = {
    "work": (
        "agent-flows: work",
        {
            "Queues": (
                panel("Items that wait", "agent_flows_queue_waiting", "queue"),
                panel("Due later", "agent_flows_queue_delayed", "queue"),
                panel("Oldest item", "agent_flows_queue_oldest_seconds", "queue"),
                panel("Accepted a second", "agent_flows_queue_arriving", "queue"),
                panel("Ended a second", "agent_flows_queue_served", "queue"),
                panel("Time to drain", "agent_flows_queue_drain_seconds", "queue"),
                panel("Paused", "agent_flows_queue_paused", "queue"),
                panel("Waiting, by tenant", "agent_flows_queue_waiting", "tenant"),
            ),
            "Items": (
                panel("By state", "agent_flows_items_unfinished", "queue", "state"),
                panel("Dead letters", "agent_flows_dead_letters", "queue"),
                panel("Oldest dead letter", "agent_flows_dead_letters_oldest_seconds", "queue"),
                panel("Oldest question", "agent_flows_items_asking_oldest_seconds", "queue"),
            ),
            "Agents": (
                panel("Outcomes a second", "agent_flows_items_total", "agent", "outcome"),
                _ratio(
                    "Attempts that fail",
                    *("agent_flows_agent_errors_total", "agent_flows_agent_seconds_count"),
                    *("agent", "version"),
                ),
                panel("Errors a second", "agent_flows_agent_errors_total", "agent", "kind"),
                _quantiles("Duration", "agent_flows_agent_seconds", "agent", "version"),
                panel("Slow calls a second", "agent_flows_slow_calls_total", "agent", "action"),
                panel("Results by source", "agent_flows_cache_total", "source"),
            ),
            "Versions and consumers": (
                panel("Consumers wanted", "agent_flows_consumers_wanted", "queue", "version"),
                panel("Consumers that live", "agent_flows_version_workers", "queue", "version"),
                panel("Kept by serve", "agent_flows_consumers", "queue"),
                panel(
                    "Unfinished by version", "agent_flows_version_unfinished", "queue", "version"
                ),
                panel("Drained versions", "agent_flows_version_drained", "queue", "version"),
            ),
        },
    ),
    "health": (
        "agent-flows: health",
        {
            "Journal": (
                panel("Readable", "agent_flows_journal_up"),
                panel("Commits a second", "agent_flows_commits_total"),
                _quantiles("Commit", "agent_flows_commit_seconds"),
                panel("Errors a second", "agent_flows_journal_errors_total"),
                panel("Disk that is free", "agent_flows_disk_free_ratio"),
                panel("Clock skew", "agent_flows_clock_skew_seconds"),
                panel("Clock set", "agent_flows_clock_set_total"),
                panel("Systems that answer", "agent_flows_system_up", "system"),
            ),
            "Leases": (
                panel("Processes", "agent_flows_leases", "state"),
                panel("Items of dead processes", "agent_flows_items_orphaned"),
                panel("Leases lost a second", "agent_flows_leases_lost_total", "reason"),
                panel("Items fenced a second", "agent_flows_items_fenced_total"),
            ),
            "Delivery": (
                panel("Messages not sent", "agent_flows_messages", "status"),
                panel("Oldest of them", "agent_flows_messages_oldest_seconds", "status"),
                panel("Dead messages between agents", "agent_flows_dead_messages"),
                panel("Webhook events not arrived", "agent_flows_webhook_deliveries", "status"),
                panel("Webhooks late", "agent_flows_webhook_late_seconds"),
                panel("Endpoints that fail", "agent_flows_webhook_endpoints_failing"),
                panel("Endpoints disabled", "agent_flows_webhook_endpoints_disabled"),
            ),
            "Gateway": (
                panel("Requests a second", "agent_flows_http_seconds_count", "status"),
                panel("By route", "agent_flows_http_seconds_count", "method", "route"),
                _quantiles("Answer", "agent_flows_http_seconds", "route"),
            ),
        },
    ),
    "spending": (
        "agent-flows: resources and forecasts",
        {
            "Resources": (
                panel("Capacity", "agent_flows_resource_capacity", "resource", "tenant"),
                panel("Used", "agent_flows_resource_used", "resource", "tenant"),
                panel("Steps that wait", "agent_flows_resource_waiting", "resource", "tenant"),
                panel("First in line", "agent_flows_resource_oldest_seconds", "resource", "tenant"),
                panel("Budget used", "agent_flows_budget_used_ratio", "resource", "tenant"),
            ),
            "Forecasts": (
                panel("Within the 90th percentile", "agent_flows_forecast_calibration", "queue"),
                panel("Pairs in order", "agent_flows_forecast_concordance_ratio", "queue"),
                panel(
                    "Costs within the 90th percentile",
                    "agent_flows_forecast_cost_calibration",
                    *("queue", "resource"),
                ),
                panel(
                    "Real over forecast cost",
                    "agent_flows_forecast_cost_ratio",
                    *("queue", "resource"),
                ),
                panel("Queues ordered by them", "agent_flows_queue_by_forecast", "queue"),
                panel("Time to drain", "agent_flows_queue_drain_seconds", "queue"),
                panel("Target", "agent_flows_queue_drain_target_seconds", "queue"),
            ),
        },
    ),
}
"""By the name of its file: title, and rows of panels."""


def dashboard(name: str) -> str:
    """A dashboard as JSON, for Grafana's import or its provisioning."""
    encoded: str = JSONEncoder(sort_keys=True, indent=1).encode(_built(name))
    return encoded + "\n"


def _built(name: str) -> Dashboard:
    title, rows = DASHBOARDS[name]
    made = (
        grafana.Dashboard(title)
        .uid(f"agent-flows-{name}")
        .tags(["agent-flows"])
        .refresh("30s")
        .time("now-3h", "now")
        .with_variable(grafana.DatasourceVariable("datasource").type("prometheus"))
    )
    for row, panels in rows.items():
        made = made.with_row(grafana.Row(row))
        for one in panels:
            made = made.with_panel(_panel(one))
    return made.build()


def _panel(one: Panel) -> TimeSeries:
    unit = one.unit or UNITS[metric(one.metric).unit]
    made = TimeSeries().title(one.title).description(one.described()).unit(unit)
    made = made.datasource(SOURCE).span(WIDTH).height(HEIGHT)
    for number, (legend, expr) in enumerate(one.queries.items()):
        made = made.with_target(
            Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number))
        )
    return made


def queries() -> dict[str, str]:
    """The PromQL of each panel's queries, by dashboard, title and legend."""
    return {
        f"{name}: {one.title}: {legend}": expr
        for name, (_, rows) in DASHBOARDS.items()
        for panels in rows.values()
        for one in panels
        for legend, expr in one.queries.items()
    }

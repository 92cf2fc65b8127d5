"""Recording and alert rules of Prometheus, and their unit tests for promtool, as YAML."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

import yaml

from deployments.observability.alert import Alert, seconds_of, shortened
from deployments.observability.alerts import ALERTS

RULES, TESTS = "rules.yaml", "tests.yaml"
MADE = "# Made by `python -m deployments.observability --write` from alerts/ and rules.py; do not edit it.\n"
STEPS = 240  # minutes of a constant series in a unit test
LATER = 1_200.0  # seconds after `wait` at which a unit test looks; rules are evaluated every 300 s there

RECORDED: Mapping[str, str] = {
    "agent_flows:queue_waiting": (
        "sum by (queue) (max by (queue, tenant, priority) (agent_flows_queue_waiting))"
    ),
    "agent_flows:queue_oldest_seconds": "max by (queue) (agent_flows_queue_oldest_seconds)",
    "agent_flows:queue_workers": (
        "sum by (queue) (max by (queue, version) (agent_flows_version_workers))"
    ),
    "agent_flows:agent_calls:rate$window": (
        "sum by (agent, version) (rate(agent_flows_agent_seconds_count[$window]))"
    ),
    "agent_flows:agent_errors:ratio$window": (
        "sum by (agent, version) (rate(agent_flows_agent_errors_total[$window]))"
        " / (sum by (agent, version) (rate(agent_flows_agent_seconds_count[$window])) > 0)"
    ),
    "agent_flows:http_requests:rate$window": "sum (rate(agent_flows_http_seconds_count[$window]))",
    "agent_flows:commit_seconds:p95": (
        "histogram_quantile(0.95, sum by (le) (rate(agent_flows_commit_seconds_bucket[$window])))"
    ),
}
"""What several rules and panels need, by its name."""

WINDOW = "5m"


def rules(alerts: Iterable[Alert] = ALERTS, longest: float = inf) -> str:
    """The rules as a file for Prometheus; in a drill's no time is longer than `longest` seconds."""
    window = shortened(WINDOW, longest)
    recorded = [
        {"record": name.replace("$window", WINDOW), "expr": expr.replace("$window", window)}
        for name, expr in RECORDED.items()
    ]
    groups = [
        {"name": "agent-flows", "rules": recorded},
        {"name": "agent-flows-alerts", "rules": [_rule(one, longest) for one in alerts]},
    ]
    return _text({"groups": groups})


def _rule(alert: Alert, longest: float) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression(longest),
        "for": shortened(alert.wait, longest),
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook": alert.path},
    }


def unit_tests(alerts: Iterable[Alert] = ALERTS) -> str:
    """Two unit tests for each alert: it fires, and it does not."""
    tests = [
        test for alert in alerts for test in (_test(alert, fires=True), _test(alert, fires=False))
    ]
    return _text({"rule_files": [RULES], "evaluation_interval": "5m", "tests": tests})


def _test(alert: Alert, *, fires: bool) -> dict[str, Any]:
    series = alert.test.fires if fires else alert.test.quiet
    expected = {
        "exp_labels": {"severity": alert.severity, **alert.test.labels},
        "exp_annotations": {
            "summary": _filled(alert.summary, alert.test.labels),
            "runbook": alert.path,
        },
    }
    at = int((seconds_of(alert.wait) + LATER) / 60)
    return {
        "name": f"{alert.name} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [
            {
                "series": name,
                "values": values if " " in values or "x" in values else f"{values}x{STEPS}",
            }
            for name, values in series.items()
        ],
        "alert_rule_test": [
            {
                "eval_time": f"{at}m",
                "alertname": alert.name,
                "exp_alerts": [expected] if fires else [],
            }
        ],
    }


def _filled(text: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        text = text.replace(f"{{{{ $labels.{name} }}}}", value)
    return text


def _text(content: Any) -> str:
    dumped: str = yaml.safe_dump(content, sort_keys=False, width=110, allow_unicode=True)
    return MADE + dumped

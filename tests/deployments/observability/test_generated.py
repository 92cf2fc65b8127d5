"""What is committed is what the catalogue and the alerts say, and every query reads real metrics."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from agents.runtime.metrics import CATALOGUE
from deployments.observability.__main__ import HERE, differences
from deployments.observability.alerts import ALERTS
from deployments.observability.dashboards import DASHBOARDS, queries
from deployments.observability.promql import metric
from deployments.observability.rules import RECORDED, WINDOW
from deployments.resources import AUTOMATIONS
from tests.readmes import Readme

FROM_RULES = {name.replace("$window", WINDOW): expr for name, expr in RECORDED.items()}
QUERIES = {
    **queries(),
    **{name: expr.replace("$window", WINDOW) for name, expr in FROM_RULES.items()},
    **{one.name: one.expression() for one in ALERTS},
}
ADDED_BY_PROMETHEUS = {"le"}


def selectors(node: Any) -> list[Any]:
    """All selectors of a parsed query."""
    found: list[Any] = []

    def visit(one: Any) -> bool:
        if isinstance(one, promql_parser.VectorSelector):
            found.append(one)
        return True

    promql_parser.walk(node, visit)
    return found


def parsed(expr: str) -> Any:
    return promql_parser.parse(expr.replace("$__rate_interval", "1m"))


def test_committed_files_are_as_they_are_made() -> None:
    assert differences() == []


def test_a_changed_a_missing_and_a_left_over_file_are_found(tmp_path: Path) -> None:
    for name in ("grafana", "prometheus", "runbook"):
        shutil.copytree(HERE / name, tmp_path / name)
    (tmp_path / "runbook" / "left-over.md").write_text("x")
    (tmp_path / "runbook" / "backlog.md").unlink()
    (tmp_path / "prometheus" / "rules.yaml").write_text("groups: []")
    found = {line.partition(" ")[0] for line in differences(tmp_path)}
    assert found == {"runbook/left-over.md", "runbook/backlog.md", "prometheus/rules.yaml"}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_parses_and_reads_metrics_of_the_catalogue(name: str) -> None:
    found = selectors(parsed(QUERIES[name]))
    assert found
    for one in found:
        if one.name not in FROM_RULES:
            labels = {label.name for label in metric(one.name).labels} | ADDED_BY_PROMETHEUS
            assert {matcher.name for matcher in one.matchers.matchers} <= labels


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        metric(one.name).name for expr in queries().values() for one in selectors(parsed(expr))
    }
    assert shown == set(CATALOGUE)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_one_of_grafanas_schema(name: str) -> None:
    given = json.loads((HERE / "grafana" / f"{name}.json").read_text())
    read = Dashboard.from_json(given)
    assert len(read.panels or []) == len(given["panels"]) > 5
    places = [tuple(one["gridPos"].values()) for one in given["panels"]]
    assert len(set(places)) == len(places)


def test_an_alert_has_the_word_of_the_event() -> None:
    [told] = [one for one in AUTOMATIONS if one.name.endswith("somebody is needed")]
    events: Any = told.trigger
    words = {name.removeprefix("agent-flows.") for name in events.expect}
    ours = {one.word for one in ALERTS}
    assert len(ours) == len(ALERTS)
    both = {"backlog", "budget", "clock", "dead-letter", "dead-letter.old", "drained", "escalated"}
    both |= {"undelivered", "version-missing", "webhook.disabled"}
    assert ours & words == both
    # What the product alone sees, since it is about one item, one study or a decision of its own.
    alone = {"difference", "drift", "no-cloud", "out-of-stock", "parked", "rolled-back"}
    assert words - ours == alone | {"unexpected", "unpublished"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one.word)
def test_a_page_says_all_that_a_person_needs(alert: Any) -> None:
    page = Readme(alert.path, (HERE.parents[1] / alert.path).read_text())
    assert page.commands()
    for heading in ("What it means", "First look", "What to do", "It is over when"):
        assert f"## {heading}" in page.text
    named = re.findall(r"the page ([a-z.-]+)", page.text)
    assert {word.rstrip(".") for word in named} <= {one.word for one in ALERTS}


def test_no_rule_counts_processes_that_read_the_same_twice() -> None:
    """Prometheus sees the same reading of two processes while one takes over from the other."""
    for name, expr in QUERIES.items():
        tree = yaml.safe_dump(expr)
        for one in selectors(parsed(expr)):
            if one.name in CATALOGUE and CATALOGUE[one.name].across == "max":
                assert f"sum ({one.name}" not in tree, name

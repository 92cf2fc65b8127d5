"""Nothing may be called but what is needed, and each path is open at both of its ends."""

from itertools import product
from typing import Any

import pytest

from tests.deployments.kubernetes.cluster import (
    OVERLAYS,
    WORKLOADS,
    Json,
    name_of,
    of_kind,
    pod_of,
)

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


METRICS = [{"port": 9464, "protocol": "TCP"}]


def selects(selector: Json, labels: dict[str, str]) -> bool:
    """Whether a label selector finds these labels."""
    equal = selector.get("matchLabels", {}).items() <= labels.items()
    among = all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ())
    )
    return equal and among


def rules(overlay: str, labels: dict[str, str], kind: str) -> list[Json]:
    """The rules of one direction that hold for a pod."""
    return [
        rule
        for policy in of_kind(overlay, "NetworkPolicy")
        if selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get(kind, ())
    ]


def pods(overlay: str) -> dict[str, dict[str, str]]:
    return {name_of(one): pod_of(one)["metadata"]["labels"] for one in of_kind(overlay, *WORKLOADS)}


def allows(rule: Json, side: str, labels: dict[str, str], port: int) -> bool:
    peers = [peer for peer in rule[side] if peer.keys() == {"podSelector"}]
    ports: list[Any] = [one["port"] for one in rule["ports"]]
    return port in ports and any(selects(peer["podSelector"], labels) for peer in peers)


def test_every_pod_is_closed_in_both_directions_first(overlay: str) -> None:
    [closed] = [one for one in of_kind(overlay, "NetworkPolicy") if name_of(one) == "deny-all"]
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_pod_is_selected_by_a_policy_of_its_own(overlay: str) -> None:
    named = [one for one in of_kind(overlay, "NetworkPolicy") if one["spec"]["podSelector"]]
    for name, labels in pods(overlay).items():
        assert [one for one in named if selects(one["spec"]["podSelector"], labels)], name


def test_every_pod_may_ask_for_names(overlay: str) -> None:
    for name, labels in pods(overlay).items():
        asked = [
            port["protocol"]
            for rule in rules(overlay, labels, "egress")
            for port in rule["ports"]
            if port["port"] == 53
        ]
        assert sorted(asked) == ["TCP", "UDP"], name


def test_a_path_between_pods_is_open_at_both_ends_or_at_neither(overlay: str) -> None:
    opened, found = set[tuple[str, str]](), pods(overlay)
    for (source, out), (target, into), port in product(found.items(), found.items(), (4200, 8484)):
        leaves = any(allows(rule, "to", into, port) for rule in rules(overlay, out, "egress"))
        enters = any(allows(rule, "from", out, port) for rule in rules(overlay, into, "ingress"))
        assert leaves == enters, (source, target, port)
        if leaves:
            opened.add((source, target))
    assert {target for _, target in opened} == {"prefect-server"}
    assert {"gateway", "worker-default", "worker-kubernetes", "consumer-orders-v1"} <= {
        source for source, _ in opened
    }


def test_the_database_is_reached_by_those_who_have_its_address(overlay: str) -> None:
    for name, labels in pods(overlay).items():
        ports = {
            port["port"]
            for rule in rules(overlay, labels, "egress")
            for port in rule["ports"]
            if any("ipBlock" in peer for peer in rule["to"])
        }
        assert 5432 in ports, name
        assert (6379 in ports) == ("backup" not in name), name
        assert (6443 in ports) == (name == "worker-kubernetes"), name
        outside = name.startswith(("consumer-", "gateway", "worker-default"))
        assert (465 in ports) == outside, name


def test_only_the_load_balancer_reaches_the_gateway(overlay: str) -> None:
    [rule] = [one for one in calls(overlay, "gateway") if one["ports"] != METRICS]
    assert [port["port"] for port in rule["ports"]] == [8484]
    assert rule["from"]
    assert not any(peer.keys() == {"podSelector"} for peer in rule["from"])
    for name in pods(overlay):
        if name not in {"gateway", "prefect-server"}:
            assert all(one["ports"] == METRICS for one in calls(overlay, name)), name


def test_only_the_monitoring_namespace_reads_metrics_and_of_those_who_export_them(
    overlay: str,
) -> None:
    monitoring = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    exporting = {
        name_of(one)
        for one in of_kind(overlay, *WORKLOADS)
        for container in pod_of(one)["spec"]["containers"]
        if {"name": "metrics", "containerPort": 9464} in container.get("ports", ())
    }
    open_ = {
        name for name in pods(overlay) if any(r["ports"] == METRICS for r in calls(overlay, name))
    }
    assert exporting == open_ > {"gateway", "worker-default", "consumer-orders-v1"}
    for name in open_:
        [rule] = [one for one in calls(overlay, name) if one["ports"] == METRICS]
        assert rule["from"] == [{"namespaceSelector": monitoring}]
    [settings] = [one for one in of_kind(overlay, "ConfigMap") if name_of(one) == "agent-flows"]
    assert settings["data"]["AGENT_FLOWS_METRICS_PORT"] == "9464"
    assert settings["data"]["AGENT_FLOWS_METRICS_HOST"] == "0.0.0.0"


def calls(overlay: str, name: str) -> list[Json]:
    """The rules that let others call a pod."""
    return rules(overlay, pods(overlay)[name], "ingress")


def test_the_outside_has_no_private_address(overlay: str) -> None:
    blocks = [
        peer["ipBlock"]
        for policy in of_kind(overlay, "NetworkPolicy")
        for rule in policy["spec"].get("egress", ())
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    [everywhere] = [block for block in blocks if block["cidr"] == "0.0.0.0/0"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} == set(
        everywhere["except"]
    )

"""NetworkPolicies: everything is closed, and each path that is needed is open at both of its ends.

What an installation does not need is no path: consumers cannot reach the cluster's API, Prefect's
services cannot reach the outside, and nobody reaches a worker but the cluster's Prometheus.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lightkube.models.meta_v1 import LabelSelector, LabelSelectorRequirement, ObjectMeta
from lightkube.models.networking_v1 import (
    IPBlock,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from lightkube.resources.networking_v1 import NetworkPolicy

from deployments.components import GATEWAY, component
from deployments.images.production import METRICS_PORT
from deployments.kubernetes.platforms import Platform
from deployments.kubernetes.pods import COMPONENT, PART_OF
from deployments.kubernetes.values import Networks, Values
from deployments.kubernetes.workloads import GATE, JOB, LAUNCHER, SERVER, SERVICES, WORK

BACKUP = "backup"
NAMESPACE = "kubernetes.io/metadata.name"
POSTGRESQL, REDIS, HTTPS = (component("postgresql").port, component("redis").port, 443)
MAIL = (465, 587)
EVERYWHERE = "0.0.0.0/0"
NODE_DNS = "169.254.20.10/32"  # the cache of names that several providers put on each node


@dataclass(frozen=True, slots=True)
class Path:
    """Pods of these groups may call the pods of another on a port."""

    sources: tuple[str, ...]
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class Way:
    """Pods of these groups may call these addresses on these ports."""

    name: str
    sources: tuple[str, ...]
    addresses: str
    ports: tuple[int, ...]
    without: tuple[str, ...] = ()


PATHS = (Path((WORK, LAUNCHER, GATE, JOB), SERVER, component("prefect-server").port),)


def ways(networks: Networks) -> list[Way]:
    """The paths to outside of the namespace."""
    journal = (SERVER, SERVICES, WORK, LAUNCHER, GATE, JOB)
    outside = (WORK, GATE)  # payment, carriers, models; webhooks
    private = networks.private
    return [
        Way("database", (*journal, BACKUP), networks.database, (POSTGRESQL,)),
        Way("redis", journal, networks.redis, (REDIS,)),
        Way("cluster", (LAUNCHER,), networks.api_server, (HTTPS, 6443)),
        Way("outside", outside, EVERYWHERE, (HTTPS, *MAIL), private),
    ]


def policies(values: Values) -> list[NetworkPolicy]:
    """All policies but that of the load balancer."""
    return [
        _policy("deny-all", LabelSelector(), ingress=[], egress=[]),
        _names(),
        _scraper(values.monitoring),
        *(policy for path in PATHS for policy in _both_ends(path)),
        *map(_way, ways(values.networks)),
    ]


def balancer(platform: Platform) -> NetworkPolicy:
    """From the load balancer to the gateway."""
    peers = [NetworkPolicyPeer(ipBlock=IPBlock(cidr=one)) for one in platform.balancers]
    inside = NetworkPolicyPeer(
        namespaceSelector=LabelSelector(matchLabels={NAMESPACE: "ingress-nginx"})
    )
    rule = NetworkPolicyIngressRule(from_=peers or [inside], ports=_ports((GATEWAY.port,)))
    return _policy("from-balancer", _of((GATE,)), ingress=[rule])


def _names() -> NetworkPolicy:
    """All pods may ask for names."""
    asked = [NetworkPolicyPort(port=53, protocol=protocol) for protocol in ("UDP", "TCP")]
    servers = NetworkPolicyPeer(
        namespaceSelector=LabelSelector(matchLabels={NAMESPACE: "kube-system"}),
        podSelector=LabelSelector(matchLabels={"k8s-app": "kube-dns"}),
    )
    peers = [servers, NetworkPolicyPeer(ipBlock=IPBlock(cidr=NODE_DNS))]
    rule = NetworkPolicyEgressRule(to=peers, ports=asked)
    return _policy("names", LabelSelector(), egress=[rule])


def _scraper(namespace: str) -> NetworkPolicy:
    """From the Prometheus of the cluster to all pods that export metrics."""
    inside = NetworkPolicyPeer(namespaceSelector=LabelSelector(matchLabels={NAMESPACE: namespace}))
    rule = NetworkPolicyIngressRule(from_=[inside], ports=_ports((METRICS_PORT,)))
    return _policy("from-scraper", _of((WORK, GATE)), ingress=[rule])


def _both_ends(path: Path) -> list[NetworkPolicy]:
    sources, target, ports = _of(path.sources), _of((path.target,)), _ports((path.port,))
    here = NetworkPolicyIngressRule(from_=[NetworkPolicyPeer(podSelector=sources)], ports=ports)
    there = NetworkPolicyEgressRule(to=[NetworkPolicyPeer(podSelector=target)], ports=ports)
    return [
        _policy(f"to-{path.target}", sources, egress=[there]),
        _policy(f"at-{path.target}", target, ingress=[here]),
    ]


def _way(way: Way) -> NetworkPolicy:
    block = IPBlock(cidr=way.addresses, except_=list(way.without) or None)
    rule = NetworkPolicyEgressRule(to=[NetworkPolicyPeer(ipBlock=block)], ports=_ports(way.ports))
    return _policy(f"to-{way.name}", _of(way.sources), egress=[rule])


def _of(groups: Sequence[str]) -> LabelSelector:
    one = LabelSelectorRequirement(key=COMPONENT, operator="In", values=list(groups))
    return LabelSelector(matchExpressions=[one])


def _ports(numbers: Sequence[int]) -> list[NetworkPolicyPort]:
    return [NetworkPolicyPort(port=number, protocol="TCP") for number in numbers]


def _policy(
    name: str,
    pods: LabelSelector,
    ingress: list[NetworkPolicyIngressRule] | None = None,
    egress: list[NetworkPolicyEgressRule] | None = None,
) -> NetworkPolicy:
    kinds = {"Ingress": ingress, "Egress": egress}
    return NetworkPolicy(
        metadata=ObjectMeta(name=name, labels=dict(PART_OF)),
        spec=NetworkPolicySpec(
            podSelector=pods,
            policyTypes=[kind for kind, rules in kinds.items() if rules is not None],
            ingress=ingress or None,
            egress=egress or None,
        ),
    )

"""What differs between clusters: storage, load balancer, cheap nodes, and where the secrets are.

Everything else is the same manifest everywhere. The names are those that the providers document:
EKS https://docs.aws.amazon.com/eks/latest/userguide/, GKE https://docs.cloud.google.com/kubernetes-engine/docs,
AKS https://learn.microsoft.com/azure/aks/, ACK https://www.alibabacloud.com/help/en/ack/, secrets
https://external-secrets.io/latest/provider/aws-secrets-manager/ and its siblings. None of the
overlays has met its cloud.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.kubernetes.values import Values

READER = "secrets-reader"  # the service account that may read the store of secrets
Json = dict[str, Any]
Labels = Mapping[str, str]


def _none(_values: Values) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of cluster.

    Args:
        name: Name of its overlay.
        shared_storage: Storage class of volumes that several pods write to.
        disk: Storage class of volumes of one pod; empty for the cluster's default.
        ingress_class: Class of its load balancer.
        store: The provider of its secrets, as the External Secrets operator takes it.
        class_by_annotation: Whether its load balancer knows its class from an annotation only.
        ingress: Annotations of the Ingress.
        service: Annotations of the Service behind it.
        identity: Annotations of the service account that reads secrets.
        cheap_nodes: The label of nodes that may be taken away; consumers prefer them, for others finish
            their items.
        tainted: Whether these nodes also have that label as a taint.
        balancers: From where the load balancer reaches the gateway; without them, from the namespace
            `ingress-nginx`.

    """

    name: str
    shared_storage: str
    disk: str
    ingress_class: str
    store: Callable[[Values], Json]
    class_by_annotation: bool = False
    ingress: Callable[[Values], dict[str, str]] = _none
    service: Labels = field(default_factory=dict)
    identity: Callable[[Values], dict[str, str]] = _none
    cheap_nodes: tuple[str, str] = ("agent-flows/interruptible", "true")
    tainted: bool = False
    balancers: tuple[str, ...] = ()


def _vault(values: Values) -> Json:
    """The project's secrets in HashiCorp Vault or OpenBao, by the pod's own service account."""
    auth = {"mountPath": "kubernetes", "role": "agent-flows", "serviceAccountRef": {"name": READER}}
    server = {"server": values.cloud.vault, "path": "secret", "version": "v2"}
    return {"vault": server | {"auth": {"kubernetes": auth}}}


EKS = Platform(
    name="eks",
    shared_storage="efs-sc",
    disk="gp3",
    ingress_class="alb",
    store=lambda values: {
        "aws": {
            "service": "SecretsManager",
            "region": values.cloud.region,
            "auth": {"jwt": {"serviceAccountRef": {"name": READER}}},
        }
    },
    ingress=lambda values: {
        "alb.ingress.kubernetes.io/scheme": "internet-facing",
        "alb.ingress.kubernetes.io/target-type": "ip",
        "alb.ingress.kubernetes.io/listen-ports": '[{"HTTPS": 443}]',
        "alb.ingress.kubernetes.io/certificate-arn": values.cloud.certificate,
        "alb.ingress.kubernetes.io/healthcheck-path": "/health",
    },
    identity=lambda values: {
        "eks.amazonaws.com/role-arn": f"arn:aws:iam::123456789012:role/{values.cloud.identity}"
        if "/" not in values.cloud.identity
        else values.cloud.identity
    },
    cheap_nodes=("eks.amazonaws.com/capacityType", "SPOT"),
    balancers=("10.0.0.0/16",),
)

GKE = Platform(
    name="gke",
    shared_storage="standard-rwx",
    disk="standard-rwo",
    ingress_class="gce",
    class_by_annotation=True,
    store=lambda values: {
        "gcpsm": {
            "projectID": values.cloud.project,
            "auth": {"workloadIdentity": {"serviceAccountRef": {"name": READER}}},
        }
    },
    service={"cloud.google.com/neg": '{"ingress": true}'},
    identity=lambda values: {
        "iam.gke.io/gcp-service-account": (
            f"{values.cloud.identity}@{values.cloud.project}.iam.gserviceaccount.com"
        )
    },
    cheap_nodes=("cloud.google.com/gke-spot", "true"),
    balancers=("130.211.0.0/22", "35.191.0.0/16"),  # documented for health checks and requests
)

AKS = Platform(
    name="aks",
    shared_storage="azurefile-csi",
    disk="managed-csi",
    ingress_class="webapprouting.kubernetes.azure.com",
    store=lambda values: {
        "azurekv": {
            "authType": "WorkloadIdentity",
            "vaultUrl": values.cloud.vault,
            "serviceAccountRef": {"name": READER},
        }
    },
    identity=lambda values: {"azure.workload.identity/client-id": values.cloud.identity},
    cheap_nodes=("kubernetes.azure.com/scalesetpriority", "spot"),
    tainted=True,
    balancers=("10.0.0.0/16",),
)

# The External Secrets operator has no provider for Alibaba Cloud any more, hence a Vault.
ACK = Platform(
    name="ack",
    shared_storage="alibabacloud-cnfs-nas",
    disk="alicloud-disk-essd",
    ingress_class="alb",
    store=_vault,
    ingress=lambda _values: {"alb.ingress.kubernetes.io/healthcheck-path": "/health"},
    balancers=("10.0.0.0/16",),
)

PLAIN = Platform(
    name="plain",
    shared_storage="nfs-client",
    disk="",
    ingress_class="nginx",
    store=_vault,
)

PLATFORMS = (EKS, GKE, AKS, ACK, PLAIN)

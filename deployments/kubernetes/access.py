"""Service accounts, and the one role there is: workers of the Kubernetes pool start and watch Jobs."""

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.rbac_v1 import PolicyRule, RoleRef, Subject
from lightkube.resources.core_v1 import Namespace, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import Role, RoleBinding
from lightkube.resources.scheduling_v1 import PriorityClass

from deployments.kubernetes.platforms import READER, Platform
from deployments.kubernetes.pods import PART_OF
from deployments.kubernetes.values import Values

ACCOUNTS = ("prefect-server", "jobs", "gateway", "worker", "consumer", "launcher", "run", "backup")
LAUNCHER, RUN = "launcher", "run"  # who starts Jobs, and what runs in them

# What prefect-kubernetes 0.8.0 asks of the API by its source; an emulator has seen it create Jobs, and no more.
RULES = (
    PolicyRule(
        apiGroups=["batch"],
        resources=["jobs"],
        verbs=["create", "delete", "get", "list", "patch", "watch"],
    ),
    PolicyRule(apiGroups=[""], resources=["pods"], verbs=["get", "list", "patch", "watch"]),
    PolicyRule(apiGroups=[""], resources=["pods/log"], verbs=["get"]),
    PolicyRule(apiGroups=[""], resources=["events"], verbs=["create", "list"]),
)

# When nodes run short, work gives way to what people and callers wait for; a backup to both.
PRIORITIES = {
    "agent-flows-serving": (100_000, "API, console and Prefect's servers."),
    "agent-flows-working": (10_000, "Consumers and workers: others continue what they leave."),
    "agent-flows-background": (1_000, "Backups."),
}


def namespace(values: Values) -> Namespace:
    """The namespace, in which the cluster itself refuses pods that are not closed."""
    enforced = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return Namespace(metadata=ObjectMeta(name=values.namespace, labels=PART_OF | enforced))


def priorities() -> list[PriorityClass]:
    """The priority classes, which belong to the whole cluster."""
    return [
        PriorityClass(
            metadata=ObjectMeta(name=name, labels=dict(PART_OF)),
            value=value,
            description=description,
            globalDefault=False,
            preemptionPolicy="Never" if name.endswith("background") else "PreemptLowerPriority",
        )
        for name, (value, description) in PRIORITIES.items()
    ]


def accounts(values: Values, platform: Platform | None) -> list[ServiceAccount]:
    """An account for each kind of pod; only that of secrets has an identity of the cloud."""
    identity = platform.identity(values) if platform else {}
    return [_account(name) for name in ACCOUNTS] + [_account(READER, identity)]


def launching(values: Values) -> list[Role | RoleBinding]:
    """What the launcher may do, in its own namespace."""
    labels = dict(PART_OF)
    return [
        Role(metadata=ObjectMeta(name=LAUNCHER, labels=labels), rules=list(RULES)),
        RoleBinding(
            metadata=ObjectMeta(name=LAUNCHER, labels=labels),
            roleRef=RoleRef(apiGroup="rbac.authorization.k8s.io", kind="Role", name=LAUNCHER),
            subjects=[Subject(kind="ServiceAccount", name=LAUNCHER, namespace=values.namespace)],
        ),
    ]


def _account(name: str, annotations: dict[str, str] | None = None) -> ServiceAccount:
    return ServiceAccount(
        metadata=ObjectMeta(name=name, labels=dict(PART_OF), annotations=annotations or None),
        automountServiceAccountToken=False,
    )

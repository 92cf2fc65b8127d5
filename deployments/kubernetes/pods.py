"""Pods: what is closed in each, where it may write, and the environment of its container."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lightkube.models.core_v1 import (
    Affinity,
    Capabilities,
    ConfigMapEnvSource,
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    HTTPGetAction,
    HTTPHeader,
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PersistentVolumeClaimVolumeSource,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    PreferredSchedulingTerm,
    Probe,
    ResourceRequirements,
    SeccompProfile,
    SecretEnvSource,
    SecretKeySelector,
    SecurityContext,
    Toleration,
    TopologySpreadConstraint,
    Volume,
    VolumeMount,
)
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta

from deployments.components import DATABASE_URL, SECRETS, Component, Http
from deployments.images.production import METRICS_PORT, USER
from deployments.kubernetes.platforms import Platform
from deployments.kubernetes.values import Values

PART_OF = {"app.kubernetes.io/part-of": "agent-flows"}
COMPONENT = "app.kubernetes.io/component"
SHARED_CLAIM = "agent-flows-shared"
SHARED_FOLDERS = ("analysis", "forecasts", "reports")  # of the data folder; the rest is of one pod
LISTEN = "0.0.0.0"  # noqa: S104 - a pod's own address; a NetworkPolicy says who may call it
PLATFORM_SECRETS = (
    "providers"  # keys of payment, carriers, mail: which ones depends on the installation
)
SETTINGS, SERVER_SETTINGS = "agent-flows", "prefect-server"  # the ConfigMaps


@dataclass(frozen=True, slots=True)
class Size:
    """What a container asks for and may use at most; processor in thousandths, memory in MiB."""

    cpu: int = 250
    memory: int = 512
    most_cpu: int = 1_000
    most_memory: int = 1_024

    @property
    def resources(self) -> ResourceRequirements:
        """The same in a manifest."""
        return ResourceRequirements(
            requests={"cpu": f"{self.cpu}m", "memory": f"{self.memory}Mi"},
            limits={
                "cpu": f"{self.most_cpu}m",
                "memory": f"{self.most_memory}Mi",
                "ephemeral-storage": "2Gi",
            },
        )


@dataclass(frozen=True, slots=True)
class PodOptions:
    """How a pod differs from the others.

    Args:
        account: Its service account.
        priority: Its priority class.
        calls_api: Whether it calls the cluster's API, and so needs its account's token.
        shares: Whether it needs the folders that several pods share.
        is_cheap: Whether it may stand on nodes that can be taken away.
        takes_providers: Whether it gets the keys of outside systems.
        size: What it takes.
        first: Containers that end before it starts.
        environment: Further variables.

    """

    account: str
    priority: str
    calls_api: bool = False
    shares: bool = False
    is_cheap: bool = False
    takes_providers: bool = False
    size: Size = field(default_factory=Size)
    first: tuple[Container, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def labels_of(name: str, access: str = "") -> dict[str, str]:
    """The labels of a component; `access` is the group that NetworkPolicies know it by."""
    found = {"app.kubernetes.io/name": name, **PART_OF}
    return found | ({COMPONENT: access} if access else {})


def container(
    component: Component, argv: list[str], values: Values, options: PodOptions
) -> Container:
    """The container of a component, with what it needs from Secrets by name."""
    found = Container(
        name=component.name,
        image=values.image,
        imagePullPolicy="IfNotPresent",
        command=argv,
        env=_environment(component, options),
        envFrom=_environment_from(component, options),
        ports=_ports(component),
        resources=options.size.resources,
        securityContext=closed(),
        volumeMounts=mounts(options),
    )
    if isinstance(component.health, Http):
        _probe(found, component.health)
    return found  # a consumer has none: who hangs loses its lease, and others take its items


def closed() -> SecurityContext:
    """A container that cannot become root, write to its image or ask the kernel for more."""
    return SecurityContext(
        allowPrivilegeEscalation=False,
        capabilities=Capabilities(drop=["ALL"]),
        privileged=False,
        readOnlyRootFilesystem=True,
        runAsNonRoot=True,
        runAsUser=USER,
    )


def template(
    name: str,
    access: str,
    containers: list[Container],
    platform: Platform | None,
    options: PodOptions,
) -> PodTemplateSpec:
    """A pod of these containers. Without a platform, as the base has it."""
    labels = labels_of(name, access)
    return PodTemplateSpec(
        metadata=ObjectMeta(labels=labels),
        spec=PodSpec(
            containers=containers,
            initContainers=list(options.first) or None,
            serviceAccountName=options.account,
            automountServiceAccountToken=options.calls_api,
            enableServiceLinks=False,
            priorityClassName=options.priority,
            securityContext=PodSecurityContext(
                runAsNonRoot=True,
                runAsUser=USER,
                runAsGroup=USER,
                fsGroup=USER,
                fsGroupChangePolicy="OnRootMismatch",
                seccompProfile=SeccompProfile(type="RuntimeDefault"),
            ),
            nodeSelector={"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"},
            affinity=_cheap(platform) if options.is_cheap else None,
            tolerations=_tolerations(platform) if options.is_cheap else None,
            topologySpreadConstraints=_spread(labels),
            terminationGracePeriodSeconds=40,
            volumes=_volumes(options),
        ),
    )


def writable() -> list[VolumeMount]:
    """The two folders that every container may write to."""
    return [VolumeMount(mountPath="/tmp", name="tmp"), VolumeMount(mountPath="/data", name="data")]  # noqa: S108


def secret(variable: str, name: str, key: str = "") -> EnvVar:
    """A variable from a key of a Secret."""
    source = SecretKeySelector(name=name, key=key or variable)
    return EnvVar(name=variable, valueFrom=EnvVarSource(secretKeyRef=source))


def secret_of(variable: str) -> str:
    """The Secret that has this variable; each component gets only the variables that it needs."""
    if variable.startswith("AGENT_FLOWS_"):
        return "journal"
    return "prefect-client" if variable == "PREFECT_API_AUTH_STRING" else "prefect-server"


def _environment(component: Component, options: PodOptions) -> list[EnvVar]:
    plain = dict(component.sets) | dict(options.environment)
    secrets = [name for name in component.needs if name in SECRETS]
    return [
        *(EnvVar(name=name, value=value) for name, value in plain.items()),
        *(secret(name, secret_of(name)) for name in secrets),
    ]


def _environment_from(component: Component, options: PodOptions) -> list[EnvFromSource]:
    is_server = DATABASE_URL in component.needs
    maps = (SETTINGS, SERVER_SETTINGS) if is_server else (SETTINGS,)
    found = [EnvFromSource(configMapRef=ConfigMapEnvSource(name=name)) for name in maps]
    if options.takes_providers:
        providers = SecretEnvSource(name=PLATFORM_SECRETS, optional=True)
        found.append(EnvFromSource(secretRef=providers))
    return found


def _ports(component: Component) -> list[ContainerPort] | None:
    found = [ContainerPort(name="http", containerPort=component.port)] if component.port else []
    return [*found, *metrics_ports()] if component.exports else found or None


def metrics_ports() -> list[ContainerPort]:
    """The port by whose name Prometheus finds a container."""
    return [ContainerPort(name="metrics", containerPort=METRICS_PORT)]


def _probe(container: Container, health: Http) -> None:
    """Have it asked how it is; the header is of a host that every installation accepts."""
    host = [HTTPHeader(name="Host", value="127.0.0.1")]

    def at(path: str, period: int, failures: int) -> Probe:
        get = HTTPGetAction(path=path, port="http", httpHeaders=host)
        return Probe(httpGet=get, periodSeconds=period, timeoutSeconds=5, failureThreshold=failures)

    container.startupProbe = at(health.live, 5, 36)  # three minutes: its imports take a while
    container.livenessProbe = at(health.live, 10, 6)
    container.readinessProbe = at(health.ready, 5, 2)


def mounts(options: PodOptions) -> list[VolumeMount]:
    """The folders of a container."""
    shared = [
        VolumeMount(mountPath=f"/data/{folder}", name="shared", subPath=folder)
        for folder in SHARED_FOLDERS
    ]
    return [*writable(), *(shared if options.shares else ())]


def _volumes(options: PodOptions) -> list[Volume]:
    claim = PersistentVolumeClaimVolumeSource(claimName=SHARED_CLAIM)
    found = [
        Volume(name="tmp", emptyDir=EmptyDirVolumeSource(sizeLimit="1Gi")),
        Volume(name="data", emptyDir=EmptyDirVolumeSource(sizeLimit="1Gi")),
    ]
    return [*found, Volume(name="shared", persistentVolumeClaim=claim)] if options.shares else found


def _spread(labels: Mapping[str, str]) -> list[TopologySpreadConstraint]:
    """Over zones and hosts, as far as there are any."""
    return [
        TopologySpreadConstraint(
            maxSkew=1,
            topologyKey=key,
            whenUnsatisfiable="ScheduleAnyway",
            labelSelector=LabelSelector(matchLabels=dict(labels)),
        )
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def _cheap(platform: Platform | None) -> Affinity | None:
    if platform is None:
        return None
    key, value = platform.cheap_nodes
    wanted = NodeSelectorRequirement(key=key, operator="In", values=[value])
    term = PreferredSchedulingTerm(
        weight=100, preference=NodeSelectorTerm(matchExpressions=[wanted])
    )
    return Affinity(
        nodeAffinity=NodeAffinity(preferredDuringSchedulingIgnoredDuringExecution=[term])
    )


def _tolerations(platform: Platform | None) -> list[Toleration] | None:
    if platform is None or not platform.tainted:
        return None
    key, value = platform.cheap_nodes
    return [Toleration(key=key, operator="Equal", value=value, effect="NoSchedule")]

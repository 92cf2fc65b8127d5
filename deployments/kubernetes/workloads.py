"""Deployments, Jobs and Services of the components, and a Deployment and a ScaledObject for each agent version."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lightkube.models.apps_v1 import (
    DeploymentSpec,
    DeploymentStrategy,
    RollingUpdateDeployment,
)
from lightkube.models.batch_v1 import JobSpec
from lightkube.models.core_v1 import Container, ServicePort, ServiceSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Service
from lightkube.resources.policy_v1 import PodDisruptionBudget

from agents.runtime.scheduling.scaling import ScaleBounds
from deployments.components import (
    CLIENT_AUTH,
    GATEWAY,
    JOBS,
    PYTHON,
    SERVERS,
    WORKERS,
    Component,
    Form,
    Kind,
    consumer,
    worker,
)
from deployments.images.production import APP
from deployments.kubernetes.custom_resources import ScaledObject
from deployments.kubernetes.platforms import Platform
from deployments.kubernetes.pods import (
    LISTEN,
    PART_OF,
    PodOptions,
    Size,
    container,
    labels_of,
    secret_of,
    template,
)
from deployments.kubernetes.values import Values
from deployments.kubernetes.versions import AgentVersion
from deployments.resources import SCALES

SERVER, SERVICES, GATE, WORK, JOB = (
    "server",
    "services",
    "gateway",
    "work",
    "job",
)  # of NetworkPolicies
LAUNCHER = "launcher"  # workers that start Jobs
POOL = "kubernetes"  # name and type of the pool whose flow runs are Jobs
VIEW = "agent_flows_scale"
ONCE_SECONDS = 3_600  # a Job is deleted this long after its end
PRODUCTION = Form.PRODUCTION
INTEGRATION = "PREFECT_INTEGRATIONS_KUBERNETES"

ANALYSIS = Size(cpu=500, memory=1_024, most_cpu=2_000, most_memory=4_096)
SIZES = dict.fromkeys(("analyses", "partitions", "candidates", "comparisons"), ANALYSIS)

LAUNCHERS = replace(worker(POOL, POOL), exports=False)  # their flow runs are in pods of their own


def servers(values: Values) -> Iterator[Deployment | Service]:
    """Prefect's API servers with their Service, and its services."""
    size = Size(cpu=500, memory=512, most_cpu=2_000, most_memory=2_048)
    for one in SERVERS:
        if one.kind is Kind.PROCESS:
            access = SERVER if one.port else SERVICES
            first = (_awaiting("prefect", one, values),)
            options = PodOptions("prefect-server", "agent-flows-serving", size=size, first=first)
            yield _deployment(one, access, values, options, None)
            if one.port:
                yield service(one)


def jobs(values: Values) -> list[Job]:
    """What a release runs once: first Prefect's schema, then the journal's, and the declarations of the server.

    The second is one Job of several containers, each of which begins when the one before has ended well.
    """
    [schema] = [one for one in SERVERS if one.kind is Kind.JOB]
    options = PodOptions("jobs", "agent-flows-serving")
    declare, *others = JOBS
    steps = (_with_image(declare, values), *others, _grants(), _pool(values))
    first = [_job_container(one, values, options) for one in steps]
    after = replace(options, first=tuple(first[:-1]))
    return [
        _job(schema.name, values, [_job_container(schema, values, options)], options),
        _job("registration", values, [first[-1]], after),
    ]


def gateway(values: Values, platform: Platform | None) -> list[Deployment | Service]:
    """The gateway, and the Service that a load balancer calls."""
    options = PodOptions(
        "gateway",
        "agent-flows-serving",
        takes_providers=True,
        first=(_awaiting("journal", GATEWAY, values),),
    )
    annotations = dict(platform.service) if platform else {}
    return [
        _deployment(GATEWAY, GATE, values, options, platform),
        service(GATEWAY, annotations or None),
    ]


def workers(values: Values) -> list[Deployment]:
    """Workers that start flow runs in their own pod, and those that start each as a Job."""
    base = PodOptions("worker", "agent-flows-working", shares=True, takes_providers=True)
    large = Size(cpu=500, memory=1_024, most_cpu=2_000, most_memory=4_096)
    found = []
    for one in WORKERS:
        first = (_awaiting("journal", one, values),)
        found.append(_deployment(one, WORK, values, replace(base, first=first, size=large), None))
    launching = PodOptions(
        "launcher",
        "agent-flows-working",
        calls_api=True,
        first=(_awaiting("journal", LAUNCHERS, values),),
        environment={
            f"{INTEGRATION}_OBSERVER_NAMESPACES": values.namespace,
            # Otherwise the password of Prefect's API would be in each Job's manifest.
            f"{INTEGRATION}_WORKER_API_AUTH_STRING_SECRET_NAME": secret_of(CLIENT_AUTH),
            f"{INTEGRATION}_WORKER_API_AUTH_STRING_SECRET_KEY": CLIENT_AUTH,
        },
    )
    return [*found, _deployment(LAUNCHERS, LAUNCHER, values, launching, None)]


def consumers(
    versions: Sequence[AgentVersion], values: Values, platform: Platform | None
) -> Iterator[Deployment | ScaledObject]:
    """A Deployment and a ScaledObject for each version; KEDA alone sets how many pods there are."""
    for version in versions:
        one = consumer_of(version)
        options = PodOptions(
            account="consumer",
            priority="agent-flows-working",
            shares=True,
            is_cheap=True,
            takes_providers=True,
            size=SIZES.get(version.scenario, Size()),
            first=(_awaiting("journal", one, values),),
        )
        deployment = _deployment(one, WORK, values, options, platform)
        assert deployment.spec is not None
        deployment.spec.replicas = None  # a number here would undo KEDA's at each apply
        yield deployment
        yield scaled(version)


def consumer_of(version: AgentVersion) -> Component:
    """The consumer of one version."""
    base = consumer(version.scenario)
    return replace(base, name=version.name, command=(*base.command, "--major", str(version.major)))


def scaled(version: AgentVersion) -> ScaledObject:
    """How KEDA scales a version: by the view's number, with a floor for the current version only."""
    bounds = SCALES.get(version.scenario, ScaleBounds())
    least = bounds.least if version.is_current else 0
    return ScaledObject(
        name=version.name,
        least=least,
        most=bounds.most,
        fallback=max(1, least) if version.is_current else 0,
        query=query_of(version),
        authentication="scaler",
        labels=labels_of(version.name, WORK),
    )


def query_of(version: AgentVersion) -> str:
    """The number of pods that a version needs, as one number whether or not the view has the version."""
    # Names of the registry of workflows and numbers; KEDA has no parameters for a query.
    where = f"queue = '{version.scenario}' AND version = {version.major}"
    return f"SELECT coalesce(max(consumers_wanted), 0) FROM {VIEW} WHERE {where}"  # noqa: S608


def budgets(deployments: Sequence[Deployment]) -> list[PodDisruptionBudget]:
    """One pod of a Deployment at a time is moved to another node; where there is one only, it may be."""
    return [_budget(one) for one in deployments if _replicas(one) != 1]


def service(component: Component, annotations: dict[str, str] | None = None) -> Service:
    """The name and port under which others in the cluster reach a component."""
    labels = labels_of(component.name)
    return Service(
        metadata=ObjectMeta(name=component.name, labels=labels, annotations=annotations),
        spec=ServiceSpec(
            selector={"app.kubernetes.io/name": component.name},
            ports=[ServicePort(name="http", port=component.port, targetPort="http")],
        ),
    )


def _deployment(
    one: Component, access: str, values: Values, options: PodOptions, platform: Platform | None
) -> Deployment:
    argv = one.argv(PRODUCTION, PYTHON, LISTEN, one.port)
    containers = [container(one, argv, values, options)]
    rolling = DeploymentStrategy(
        type="RollingUpdate",
        rollingUpdate=RollingUpdateDeployment(maxSurge=1, maxUnavailable=0),
    )
    return Deployment(
        metadata=ObjectMeta(name=one.name, labels=labels_of(one.name, access)),
        spec=DeploymentSpec(
            replicas=one.replicas[PRODUCTION],
            revisionHistoryLimit=3,
            selector=LabelSelector(matchLabels={"app.kubernetes.io/name": one.name}),
            strategy=DeploymentStrategy(type="Recreate") if one.single else rolling,
            template=template(one.name, access, containers, platform, options),
        ),
    )


def _awaiting(schema: str, one: Component, values: Values) -> Container:
    """A container that ends once the schema is that of this release, so that order needs no tool."""
    needed = replace(
        one,
        name=f"await-{schema}-schema",
        command=(PYTHON, "-m", "deployments.kubernetes.await_schema", schema),
        health=None,
        port=0,
        sets={},
        adds={},
        exports=False,
    )
    return container(needed, needed.argv(PRODUCTION, PYTHON), values, PodOptions("", ""))


def _job_container(one: Component, values: Values, options: PodOptions) -> Container:
    # `prefect deploy` takes the folder of the flows from PWD, which no shell sets here.
    options = replace(options, environment={"PWD": APP})
    return container(one, one.argv(PRODUCTION, PYTHON), values, options)


def _job(name: str, values: Values, containers: list[Container], options: PodOptions) -> Job:
    pod = template(name, JOB, containers, None, options)
    assert pod.spec is not None
    pod.spec.restartPolicy = "OnFailure"
    pod.spec.topologySpreadConstraints = None
    return Job(
        metadata=ObjectMeta(name=f"{name}-{values.release}", labels=labels_of(name, JOB)),
        spec=JobSpec(
            backoffLimit=20,  # the second waits for the servers by failing
            activeDeadlineSeconds=1_800,
            ttlSecondsAfterFinished=ONCE_SECONDS,
            template=pod,
        ),
    )


def _with_image(one: Component, values: Values) -> Component:
    """The declarations, where clouds run the image of these manifests as containers."""
    return replace(one, command=(*one.command, "--image", values.image))


def _grants() -> Component:
    """Grants roles what they need: a table or view that a migration has made has no grants."""
    command = (PYTHON, "-m", "deployments.grants")
    return replace(JOBS[0], name="grants", command=command)


def _pool(values: Values) -> Component:
    """Creates the pool whose flow runs are pods of their own."""
    asked = ("--image", values.image, "--namespace", values.namespace)
    command = (PYTHON, "-m", "deployments.kubernetes.pool", *asked)
    return replace(JOBS[0], name="pool", command=command)


def _replicas(one: Deployment) -> int | None:
    assert one.spec is not None
    return one.spec.replicas


def _budget(one: Deployment) -> PodDisruptionBudget:
    assert one.metadata is not None
    name = one.metadata.name
    return PodDisruptionBudget(
        metadata=ObjectMeta(name=name, labels={"app.kubernetes.io/name": str(name), **PART_OF}),
        spec=PodDisruptionBudgetSpec(
            maxUnavailable=1,
            selector=LabelSelector(matchLabels={"app.kubernetes.io/name": str(name)}),
        ),
    )

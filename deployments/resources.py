"""Work pools, queues, limits and automations of a Prefect server, as data."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture

from agents.runtime.errors import AgentError
from agents.runtime.journal.capacity_admin import CapacitySetting
from agents.runtime.model.policies import CORES
from agents.runtime.prefect_ui import HEARTBEAT_SECONDS, TAG
from agents.runtime.scheduling.reservations import AtLimit
from agents.runtime.scheduling.scaling import ScaleBounds
from agents.runtime.settings import CloudUse
from deployments.placement.plan import Served
from deployments.placement.policy import CONTAINERS, Cloud, DataPlace


def host_memory() -> float:
    """Bytes of memory of this host."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of a pool: priority 1 is served first; at most `limit` flow runs at once."""

    name: str
    priority: int
    limit: int

    def what(self, pool: "Pool") -> str:
        """Its name in messages, within this pool."""
        return f"work queue {pool.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pool:
    """A kind of machine; at most `limit` flow runs at once over all queues.

    `variables` are defaults in the pool's job template, which is Prefect's own for its type.
    """

    name: str
    type: str
    limit: int
    description: str
    queues: tuple[Queue, ...]
    variables: tuple[tuple[str, str | int | float], ...] = ()

    @property
    def what(self) -> str:
        """Its name in messages."""
        return f"work pool {self.name}"


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls to one outside system at once, over all processes; at least twice as many as one agent makes."""

    name: str
    slots: int

    @property
    def what(self) -> str:
        """Its name in messages."""
        return f"concurrency limit {self.name}"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much there is of a resource that agents take; with `window_seconds`, how much in any such time.

    `at_limit` says what such a quota does with items beyond it: AtLimit.

    It is of the installation: of all processes on one journal, on whatever hosts. `tenant` is the one whose
    capacity it is, or empty for all together. A resource without a capacity is unlimited.
    """

    name: str
    amount: float
    window_seconds: float | None = None
    tenant: str = ""
    at_limit: str | None = None

    @property
    def setting(self) -> CapacitySetting:
        """The same for the journal."""
        return CapacitySetting(
            self.name, self.amount, self.tenant, self.window_seconds, self.at_limit
        )


@dataclass(frozen=True, slots=True)
class Automation:
    """What the server does when an event happens, or does not happen in time.

    Without `actions` it only shows in the UI; actions that users add there are kept.
    """

    name: str
    description: str
    trigger: EventTrigger
    actions: tuple[ActionTypes, ...] = ()

    @property
    def what(self) -> str:
        """Its name in messages."""
        return f"automation {self.name}"


@dataclass(frozen=True, slots=True)
class Retired:
    """A deployment of earlier releases, named <flow>/<deployment>, whose work `successor` does now.

    `entrypoint` and `schedule` are what it had. Where another flow has taken over the name,
    `reused_by` is the entrypoint of that flow.
    """

    name: str
    entrypoint: str
    schedule: str
    successor: str
    reused_by: str = ""


# Few flow runs with many items: 16 at once already lock Prefect's SQLite database.
POOLS = (
    Pool(
        name="default",
        type="process",
        limit=8,
        description="Flow runs as processes on the machine of the worker.",
        queues=(
            Queue("urgent", priority=1, limit=4),
            Queue("consumers", priority=5, limit=4),
            Queue("orders", priority=10, limit=4),
            Queue("bulk", priority=20, limit=2),
        ),
    ),
)

# Steps that deployments may name in prefect.yaml: each runs before a flow, with all that the worker may do.
PULL_STEPS = ("prefect.deployments.steps.set_working_directory",)

LIMITS = (
    Limit("inventory", slots=64),
    Limit("payments", slots=64),
    Limit("carriers", slots=64),
    Limit("notifications", slots=64),
)

# For one host of this size. The journal does not place work on hosts: with more hosts, declare their sum,
# which bounds the whole, while each process still starts no more calls than its host has processors; keep
# `memory` at what the smallest host has as often as there are hosts. See README.md.
CAPACITIES = (
    Capacity("cpu", CORES),
    Capacity("memory", host_memory()),
    # A customer does not wait for a model: beyond this the passages themselves are the answer.
    Capacity("model_tokens", 3_000_000, window_seconds=86_400, at_limit=AtLimit.CHEAPER),
)

# How many consumers each queue may have on a cluster: an autoscaler reads the view `agent_flows_scale`,
# and `python -m flows.operations scale` shows it and changes these on one installation.
SCALES = {
    "orders": ScaleBounds(least=1, most=8, target=60.0, cooldown=300.0),
    "turns": ScaleBounds(least=1, most=4, target=10.0, cooldown=300.0),  # a customer waits
    "partitions": ScaleBounds(least=0, most=4, target=600.0, cooldown=300.0),
    "invoices": ScaleBounds(least=0, most=4, target=300.0, cooldown=300.0),
    "tasks": ScaleBounds(least=0, most=8, target=60.0, cooldown=300.0),
}

# The clouds that there may be; AGENT_FLOWS_CLOUDS says which of them this installation uses, and how. The
# prices are examples of one processor and 2 GB for an hour: put in what you pay.
CLOUDS = (
    Cloud("aws", "eu", 0.050, "ecs", (("cpu", 1024), ("memory", 2048))),
    Cloud(
        "gcp",
        "eu",
        0.055,
        "cloud-run-v2",
        (
            *(("cpu", "1000m"), ("memory", "2Gi"), ("region", "europe-west1")),
            ("timeout", 604_800),  # seconds, the most there is: a consumer works until it is ended
        ),
    ),
    Cloud(
        "azure",
        "eu",
        0.052,
        "azure-container-instance",
        # Prefect would start a script of its own images, which ours does not have.
        (("cpu", 1.0), ("memory", 2.0), ("entrypoint", "")),
    ),
    Cloud("alibaba", "cn", 0.040),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """Queues whose consumers the flow `placement` keeps in one of the clouds in use.

    `served` says whose runs they are, and of which queue or of all but which.
    """

    data: DataPlace
    served: Served
    consumers: int = 1


IN_EUROPE = DataPlace(cloud="aws", areas=frozenset({"eu"}), gigabytes=0.1, price=0.09)
ALONE = {"orders": IN_EUROPE}  # queues with consumers of their own
# The scenarios that stand alone, and all others together: no queue is left out.
PLACED = {
    **{name: Placed(data, Served("consumer/consumer", name)) for name, data in ALONE.items()},
    "others": Placed(IN_EUROPE, Served("consumers/consumers", without=tuple(ALONE))),
}


class UnknownCloud(AgentError):
    """A setting names a cloud that is not declared, or a kind of pool that it does not have."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"AGENT_FLOWS_CLOUDS: {self.problem}"


def clouds_in_use(uses: Sequence[CloudUse]) -> list[Cloud]:
    """The declared clouds that a setting names, in the order of their declaration. Raises UnknownCloud."""
    names = {use.name for use in uses}
    if unknown := sorted(names - {cloud.name for cloud in CLOUDS}):
        raise UnknownCloud(f"{', '.join(unknown)} is not declared in deployments/resources.py")
    return [cloud for cloud in CLOUDS if cloud.name in names]


def cloud_pools(uses: Sequence[CloudUse], image: str | None = None) -> list[Pool]:
    """A work pool for each cloud that a setting names; containers run `image`. Raises UnknownCloud."""
    kinds = {use.name: use.runs for use in uses}
    clouds = clouds_in_use(uses)
    if lacking := [c.name for c in clouds if kinds[c.name] in CONTAINERS and not c.containers]:
        raise UnknownCloud(f"Prefect has no containers without a cluster for {lacking[0]}")
    started = [cloud.name for cloud in clouds if kinds[cloud.name] in CONTAINERS]
    if started and image is None:
        raise UnknownCloud(f"containers of {started[0]} need --image, the image of this release")
    return [
        Pool(
            name=cloud.name,
            type=cloud.pool_type(kinds[cloud.name]),
            limit=cloud.limit,
            description=f"Consumers in {cloud.name} ({cloud.area}), placed by the flow `placement`.",
            queues=(),
            variables=(*cloud.variables, ("image", str(image))) if cloud.name in started else (),
        )
        for cloud in clouds
    ]


# Runs with the tag send heartbeats, from a deployment by this variable and from a terminal by our commands.
HEARTBEAT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
SILENCE = timedelta(minutes=5)  # recovery is quicker; a busy server may get heartbeats late
SIGNS_OF_LIFE = (
    *("heartbeat", "Completed", "Failed", "Cancelled", "Crashed"),
    *("Scheduled", "AwaitingRetry", "Paused", "Suspended"),  # no process runs any more
)

AUTOMATIONS = (
    Automation(
        name="agent-flows: runs without heartbeat",
        description="Sets a run whose process was killed to Crashed; Prefect would show it as Running for ever.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.id": f"prefect.tag.{TAG}"},
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.heartbeat"},
            expect={f"prefect.flow-run.{sign}" for sign in SIGNS_OF_LIFE},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=(ChangeFlowRunState(state=StateType.CRASHED, message="sends no heartbeat"),),
    ),
    Automation(
        name="agent-flows: somebody is needed",
        description="Runs when a person must act: an item waits or is escalated, a dead letter is new "
        "or old, a message is not or perhaps not delivered, a backlog is old, a budget is used up, a clock "
        "is wrong, goods ran out, a provider and the journal differ, data has drifted, is not as "
        "expected or not published, a version was rolled back, is drained or missing, a webhook endpoint was "
        "disabled, no cloud may take "
        "the work. Add a "
        "notification as an action.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "agent-flows.*"},
            expect={
                "agent-flows.parked",
                "agent-flows.escalated",
                "agent-flows.dead-letter.old",
                "agent-flows.difference",
                "agent-flows.backlog",
                "agent-flows.budget",
                "agent-flows.clock",
                "agent-flows.drift",
                "agent-flows.unpublished",
                "agent-flows.unexpected",
                "agent-flows.dead-letter",
                "agent-flows.out-of-stock",
                "agent-flows.undelivered",
                "agent-flows.rolled-back",
                "agent-flows.drained",
                "agent-flows.version-missing",
                "agent-flows.webhook.disabled",
                "agent-flows.no-cloud",
            },
            posture=Posture.Reactive,
            threshold=1,
        ),
    ),
)

# Renamed since; `prefect deploy` creates the successors and would leave these where they are.
RETIRED = (
    Retired("compare/compare", "flows.operations.compare", "nightly", "reconcile/reconcile"),
    Retired("follow/follow", "flows.following.follow", "hourly", "item-events/item-events"),
    Retired(
        "reconcile/reconcile",
        "flows.operations.reconcile",
        "every-minute",
        "recover/recover",
        reused_by="flows.operations.reconciliation.reconcile",
    ),
)

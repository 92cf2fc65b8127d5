"""Where stories run and how much of the outside world they may use at once, as data."""

from dataclasses import dataclass
from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture


@dataclass(frozen=True, slots=True)
class Queue:
    """An urgency within a pool: priority 1 is served first; `limit` flow runs at once."""

    name: str
    priority: int
    limit: int


@dataclass(frozen=True, slots=True)
class Pool:
    """A kind of machine; `limit` flow runs at once over all its queues."""

    name: str
    type: str
    limit: int
    description: str
    queues: tuple[Queue, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """Calls to one outside system at once, over all processes; no less than one agent makes."""

    name: str
    slots: int


@dataclass(frozen=True, slots=True)
class Automation:
    """What the server does by itself when something happens, or fails to happen.

    Without `actions` it only shows in the UI; those that somebody adds there are kept.
    """

    name: str
    description: str
    trigger: EventTrigger
    actions: tuple[ActionTypes, ...] = ()


# Few flow runs with many items: 16 at once already lock Prefect's SQLite database.
POOLS = (
    Pool(
        name="default",
        type="process",
        limit=8,
        description="Processes on the worker's own machine.",
        queues=(
            Queue("urgent", priority=1, limit=4),
            Queue("consumers", priority=5, limit=4),
            Queue("orders", priority=10, limit=4),
            Queue("bulk", priority=20, limit=2),
        ),
    ),
)

LIMITS = (
    Limit("inventory", slots=64),
    Limit("payments", slots=64),
    Limit("carriers", slots=64),
    Limit("notifications", slots=32),
)

# Only runs with this tag are expected to send heartbeats so often; it is Prefect's shortest period.
TAG = "agent-flows"
HEARTBEAT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
SILENCE = timedelta(seconds=90)
SIGNS_OF_LIFE = (
    *("heartbeat", "Completed", "Failed", "Cancelled", "Crashed"),
    *("Scheduled", "AwaitingRetry", "Paused", "Suspended"),  # no process is running any more
)

AUTOMATIONS = (
    Automation(
        name="agent-flows: runs without heartbeat",
        description="A run whose process was killed says Running for ever: it becomes Crashed.",
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
        description="An item is parked or escalated, a dead letter or a backlog is old, providers "
        "disagree with the journal, data has drifted or is not published. Add a notification here.",
        trigger=EventTrigger(
            match={"prefect.resource.id": "agent-flows.*"},
            expect={
                "agent-flows.parked",
                "agent-flows.escalated",
                "agent-flows.dead-letter.old",
                "agent-flows.difference",
                "agent-flows.backlog",
                "agent-flows.drift",
                "agent-flows.unpublished",
                "agent-flows.dead-letter",
                "agent-flows.out-of-stock",
            },
            posture=Posture.Reactive,
            threshold=1,
        ),
    ),
)

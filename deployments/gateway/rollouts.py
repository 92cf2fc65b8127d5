"""Rollouts of agents' versions over HTTP: list them, begin or change one, promote it, roll it back.

A version concerns the items of all tenants, so only callers of the tenant that runs the installation may
use these routes.
"""

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agents.runtime.context import runtime
from agents.runtime.journal import Journal, rollouts
from agents.runtime.journal.rollouts import Bounds, Plan, Rollout, RolloutRefused
from agents.runtime.recovery.version_views import VersionView, version_views
from agents.workflow.fields import visible_text
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.act_forms import Reason
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import workflow_named
from flows.workflows import WORKFLOWS, Workflow

router = APIRouter(prefix="/rollouts", tags=["rollouts"])
MAY_OPERATE = [allow(Scope.OPERATE, objects="versions of agents, of the whole installation")]
USUAL = Bounds()
Percent = Annotated[float, Field(ge=0, le=100)]
Tenant = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"\S"), BeforeValidator(visible_text)
]


class VersionState(BaseModel):
    """One major version: its part of the new items, what it has to do, and how its items ended.

    `role` is current, candidate, draining, drained (its code can be removed), unused, or missing (no
    process has it). Failures and durations are those since the rollout began, or of the last day; null without items.
    """

    version: str = Field(examples=["2"])
    role: str = Field(examples=["candidate"])
    share_percent: float
    queued: int
    begun: int
    dead_letters: int
    workers: int
    ended: int
    failed_percent: float
    half_within_seconds: float | None
    most_within_seconds: float | None


class RolloutState(BaseModel):
    """The latest rollout of a workflow, and who changed it last."""

    candidate: int
    current: int
    state: str = Field(examples=["running"])
    share_percent: float
    tenants: list[str]
    worse_errors_points: float
    worse_duration_times: float
    least_samples: int
    by: str
    reason: str
    begun_at: float
    changed_at: float


class WorkflowVersions(BaseModel):
    """The versions of a workflow, by major, and its latest rollout."""

    workflow: str
    versions: list[VersionState]
    rollout: RolloutState | None


class Wanted(BaseModel):
    """A candidate, its share of the new items, and when it is rolled back by itself."""

    model_config = ConfigDict(extra="forbid")

    candidate: Annotated[int, Field(ge=1, le=1_000)]
    share_percent: Percent = 0.0
    tenants: Annotated[list[Tenant], Field(max_length=1_000)] = []
    worse_errors_points: Percent = USUAL.errors
    worse_duration_times: Annotated[float, Field(ge=1, le=1_000)] = USUAL.slowness
    least_samples: Annotated[int, Field(ge=1, le=10_000)] = USUAL.samples
    reason: Reason

    def plan(self) -> Plan:
        """What the journal stores of it."""
        bounds = Bounds(self.worse_errors_points, self.worse_duration_times, self.least_samples)
        return Plan(self.candidate, self.share_percent, tuple(self.tenants), bounds)


class Why(BaseModel):
    """Why it is done."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


@router.get("", dependencies=MAY_OPERATE)
async def read_all(principal: Caller) -> list[WorkflowVersions]:
    """The versions of every workflow."""
    journal = _journal(principal)
    return [await _versions(journal, name, one) for name, one in WORKFLOWS.items()]


@router.get("/{workflow}", dependencies=MAY_OPERATE)
async def read(workflow: str, principal: Caller) -> WorkflowVersions:
    """The versions of one workflow."""
    return await _versions(_journal(principal), workflow, workflow_named(workflow))


@router.put("/{workflow}", dependencies=MAY_OPERATE)
async def put(workflow: str, wanted: Wanted, principal: Caller) -> WorkflowVersions:
    """Begin a share of the new items with the candidate, or change the share; again is the same."""
    journal, found = _journal(principal), workflow_named(workflow)
    await _done(
        rollouts.begin(journal, found.scenario, wanted.plan(), principal.name, wanted.reason)
    )
    return await _versions(journal, workflow, found)


@router.post("/{workflow}/promote", dependencies=MAY_OPERATE)
async def promote(workflow: str, why: Why, principal: Caller) -> WorkflowVersions:
    """Begin all new items with the candidate, at once in all processes."""
    journal, found = _journal(principal), workflow_named(workflow)
    await _done(rollouts.promote(journal, workflow, principal.name, why.reason))
    return await _versions(journal, workflow, found)


@router.post("/{workflow}/roll-back", dependencies=MAY_OPERATE)
async def roll_back(workflow: str, why: Why, principal: Caller) -> WorkflowVersions:
    """Begin all new items with the version before, at once in all processes; also after a promotion."""
    journal, found = _journal(principal), workflow_named(workflow)
    await _done(rollouts.roll_back(journal, workflow, principal.name, why.reason))
    return await _versions(journal, workflow, found)


def _journal(principal: Principal) -> Journal:
    """The installation's journal. Raises Problem 403 for a caller of another tenant."""
    journal = runtime().journal
    if principal.tenant != journal.tenant:
        raise Problem(
            403,
            "not-the-installation",
            "versions concern the items of all tenants",
            "ask the operator of the installation",
        )
    return journal


async def _done(act: Awaitable[Rollout]) -> None:
    try:
        await act
    except RolloutRefused as error:
        raise Problem(409, "rollout-refused", str(error), "look at /rollouts") from None


async def _versions(journal: Journal, name: str, workflow: Workflow) -> WorkflowVersions:
    views, found = await version_views(journal, workflow.scenario)
    return WorkflowVersions(
        workflow=name,
        versions=[_state(view) for view in views],
        rollout=None if found is None else _rollout(found),
    )


def _state(view: VersionView) -> VersionState:
    return VersionState(
        version=view.version,
        role=view.role,
        share_percent=view.share,
        queued=view.use.queued,
        begun=view.use.begun,
        dead_letters=view.use.dead_letters,
        workers=view.use.workers,
        ended=view.sample.ended,
        failed_percent=view.sample.error_rate,
        half_within_seconds=view.sample.seconds_of(0.5),
        most_within_seconds=view.sample.seconds_of(0.9),
    )


def _rollout(found: Rollout) -> RolloutState:
    bounds = found.plan.bounds
    return RolloutState(
        candidate=found.plan.candidate,
        current=found.current,
        state=found.state,
        share_percent=found.plan.share,
        tenants=list(found.plan.tenants),
        worse_errors_points=bounds.errors,
        worse_duration_times=bounds.slowness,
        least_samples=bounds.samples,
        by=found.by,
        reason=found.reason,
        begun_at=found.begun_at,
        changed_at=found.changed_at,
    )

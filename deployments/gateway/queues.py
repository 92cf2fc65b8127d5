"""Queues over HTTP: how much of the caller's waits and for how long, and pause or resume one.

All tenants share a queue. A pause stops all of them, so only the installation's own operators may.
"""

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field

from agents.runtime.context import runtime
from agents.runtime.journal import queue_admin
from agents.runtime.journal.eta import queue_eta
from agents.runtime.journal.order import order_of
from agents.runtime.journal.queue_depths import MOST, QueueDepth, depth_of
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.act_forms import ActForm
from deployments.gateway.forecast_views import EtaView, queue_drained
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, workflow_named
from flows.workflows import WORKFLOWS

router = APIRouter(prefix="/queues", tags=["queues"])

MAY_OPERATE = [allow(Scope.OPERATE, objects="a queue that all tenants share")]


class QueueView(BaseModel):
    """The caller's items in the queue of a workflow."""

    workflow: str
    waiting: int = Field(description=f"counted to {MOST:,}")
    oldest_seconds: float | None = Field(description="the age of the oldest of them")
    served_per_second: float = Field(description="items of all tenants over the last minute")
    drain_seconds: float | None = Field(description="until all are served; none if none is served")
    order: str = Field(description="who goes first among items of one tenant and one priority")
    eta: EtaView | None = Field(
        None,
        description="until those of all tenants are served; none if the caller's queue is empty",
    )
    paused: bool
    paused_by: str = ""
    reason: str = ""


@router.get("", dependencies=[allow(Scope.READ, Scope.OPERATE, objects="the caller's queues")])
async def read_all(principal: Caller) -> list[QueueView]:
    """The queues of all workflows."""
    return [await view(principal, workflow) for workflow in sorted(WORKFLOWS)]


@router.get(
    "/{workflow}",
    dependencies=[allow(Scope.READ, Scope.OPERATE, objects="a queue of the caller's")],
)
async def read(workflow: str, principal: Caller) -> QueueView:
    """The queue of one workflow."""
    return await view(principal, workflow)


@router.post("/{workflow}/pause", dependencies=MAY_OPERATE)
async def pause(workflow: str, form: ActForm, principal: Caller) -> QueueView:
    """Hand out no item of the queue until it is resumed; items in work go on."""
    _require_operator(principal, workflow)
    await queue_admin.pause(runtime().journal, workflow, principal.name, form.reason)
    return await view(principal, workflow)


@router.post("/{workflow}/resume", dependencies=MAY_OPERATE)
async def resume(workflow: str, form: ActForm, principal: Caller) -> QueueView:
    """Hand out items of the queue again."""
    _require_operator(principal, workflow)
    await queue_admin.resume(runtime().journal, workflow, principal.name, form.reason)
    return await view(principal, workflow)


async def view(principal: Principal, workflow: str) -> QueueView:
    """The queue of the workflow as the caller sees it. Raises Problem 404."""
    _ = workflow_named(workflow)
    found = await depth_of(journal_of(principal), workflow)
    ordered = await order_of(runtime().journal.database, workflow)
    eta = await queue_eta(runtime().journal.database, workflow) if found.waiting else None
    by, reason = _paused(found) if is_operator(principal) else ("", "")
    return QueueView(
        workflow=workflow,
        waiting=found.waiting,
        oldest_seconds=found.oldest,
        served_per_second=found.served,
        drain_seconds=found.drain,
        eta=None if eta is None else queue_drained(eta),
        order=str(ordered),
        paused=found.paused is not None,
        paused_by=by,
        reason=reason,
    )


def is_operator(principal: Principal) -> bool:
    """Whether the caller is of the installation's own tenant, whose operators run it for all tenants."""
    return principal.tenant == runtime().journal.tenant


def _paused(found: QueueDepth) -> tuple[str, str]:
    known = orjson.loads(found.paused or "{}")
    return known.get("by", ""), known.get("reason", "")


def _require_operator(principal: Principal, workflow: str) -> None:
    _ = workflow_named(workflow)
    if not is_operator(principal):
        raise Problem(
            403,
            "not-allowed",
            f"all tenants share the queue of {workflow}",
            "ask the installation's operators",
        )

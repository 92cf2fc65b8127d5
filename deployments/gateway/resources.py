"""Resources over HTTP: how much there is of each, what is in use, and who waits.

A caller sees the capacities that all tenants share and those of its own tenant. What others have in line
is theirs: their steps are neither counted nor named.
"""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from agents.runtime.context import runtime
from agents.runtime.journal.resource_use import FirstInLine, ResourceUse, usage
from deployments.gateway.access import Caller, Principal, Scope, allow

router = APIRouter(prefix="/resources", tags=["queues"])


class Waiting(BaseModel):
    """The step of the caller's tenant that has waited longest for a resource."""

    workflow: str
    key: str
    agent: str
    amount: float = Field(description="how much of it the step needs")
    seconds: float = Field(description="for how long it has waited")


class ResourceView(BaseModel):
    """A capacity: how much there is of a resource, and how much of that is in use."""

    resource: str = Field(examples=["cpu"])
    shared: bool = Field(
        description="whether all tenants share it; otherwise it is the caller's own"
    )
    capacity: float
    window_seconds: float | None = Field(
        description="a quota's window, in which no more than the capacity is used"
    )
    at_limit: str | None = Field(
        description="what a budget does with items beyond it: pause, ask or cheaper"
    )
    used: float = Field(description="by all who share it; of a quota, within its window")
    reserved: float = Field(description="kept for the step that has waited longest")
    waiting: int = Field(description="steps of the caller's tenant that it blocks")
    longest: Waiting | None = Field(description="the one of them that has waited longest")


@router.get(
    "",
    dependencies=[
        allow(Scope.READ, Scope.OPERATE, objects="capacities for all and of the caller's tenant")
    ],
)
async def read_all(principal: Caller) -> list[ResourceView]:
    """The capacities, by name. A resource without one is unlimited."""
    return await views(principal)


async def views(principal: Principal) -> list[ResourceView]:
    """What the caller may see of all capacities, by name."""
    return [_view(use) for use in await usage(runtime().journal.database, principal.tenant)]


def _view(use: ResourceUse) -> ResourceView:
    return ResourceView(
        resource=use.resource,
        shared=not use.tenant,
        capacity=use.amount,
        window_seconds=use.window_seconds,
        at_limit=use.at_limit,
        used=use.used,
        reserved=use.reserved,
        waiting=use.waiting,
        longest=None if use.first is None else _waiting(use.first),
    )


def _waiting(first: FirstInLine) -> Waiting:
    return Waiting(
        workflow=first.scenario,
        key=first.key,
        agent=first.agent,
        amount=first.amount,
        seconds=first.seconds,
    )

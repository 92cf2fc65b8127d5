"""The page of versions: those of agents with their rollouts, and the dated versions of the API."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from deployments.gateway import rollouts
from deployments.gateway import versions as api_versions
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.act_forms import Reason
from deployments.gateway.console.pages import render
from deployments.gateway.rollouts import Percent, Wanted, Why
from deployments.gateway.tenancy import workflow_named
from flows.workflows import WORKFLOWS

router = APIRouter()
ACCESS = allow(Scope.OPERATE, objects="versions of agents, of the whole installation")
PATH = "/console/versions"


class Canary(BaseModel, frozen=True):
    """The form that begins a rollout, or changes its share."""

    candidate: Annotated[int, Field(ge=1, le=1_000)]
    share_percent: Percent
    tenants: Annotated[str, Field(max_length=10_000)] = ""
    worse_errors_points: Percent
    worse_duration_times: Annotated[float, Field(ge=1, le=1_000)]
    least_samples: Annotated[int, Field(ge=1, le=10_000)]
    reason: Reason

    def wanted(self) -> Wanted:
        """The same as the API takes it; tenants are separated by commas."""
        tenants = [name.strip() for name in self.tenants.split(",") if name.strip()]
        return Wanted(**self.model_dump(exclude={"tenants"}), tenants=tenants)


@router.get(PATH, dependencies=[ACCESS])
async def versions(request: Request, principal: Caller, workflow: str = "orders") -> Response:
    """The versions of one workflow's agents, and the versions of the API."""
    found = await rollouts.read(workflow, principal)
    majors = {name: len(one.scenario.majors) for name, one in WORKFLOWS.items()}
    return render(
        request,
        "versions.html",
        found=found,
        workflows=sorted(WORKFLOWS, key=lambda name: (name != workflow, -majors[name], name)),
        candidates=[int(one.version.partition(".")[0]) for one in found.versions],
        usual=rollouts.USUAL,
        api=await api_versions.read(request, principal),
    )


@router.post(PATH + "/{workflow}/canary", dependencies=[ACCESS])
async def canary(workflow: str, form: Annotated[Canary, Form()], principal: Caller) -> Response:
    """Begin a share of the new items with the candidate, or change the share."""
    await rollouts.put(workflow, form.wanted(), principal)
    return _page(workflow)


@router.post(PATH + "/{workflow}/promote", dependencies=[ACCESS])
async def promote(workflow: str, why: Annotated[Why, Form()], principal: Caller) -> Response:
    """Begin all new items with the candidate."""
    await rollouts.promote(workflow, why, principal)
    return _page(workflow)


@router.post(PATH + "/{workflow}/roll-back", dependencies=[ACCESS])
async def roll_back(workflow: str, why: Annotated[Why, Form()], principal: Caller) -> Response:
    """Begin all new items with the version before."""
    await rollouts.roll_back(workflow, why, principal)
    return _page(workflow)


def _page(workflow: str) -> Response:
    _ = workflow_named(workflow)
    return RedirectResponse(f"{PATH}?workflow={workflow}", 303)

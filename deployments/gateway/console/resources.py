"""The page of resources: how much there is of each, what is in use, and who waits longest."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from deployments.gateway import resources as api
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.pages import render

router = APIRouter()


@router.get(
    "/console/resources",
    dependencies=[allow(Scope.READ, objects="capacities for all and of the caller's tenant")],
)
async def resources(request: Request, principal: Caller) -> Response:
    """Why steps wait although consumers are free."""
    return render(request, "resources.html", resources=await api.views(principal))

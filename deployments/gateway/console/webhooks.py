"""The pages of webhook endpoints: where events go, and whether they have arrived."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from agents.runtime.journal.webhook_deliveries import DeliveryStatus
from deployments.gateway import webhook_endpoints as api
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.pages import render
from deployments.gateway.webhook_endpoints import DeliveryId, EndpointRequest, Reason, Wanted

router = APIRouter()
ACCESS = allow(Scope.OPERATE, objects="webhook endpoints of the caller's tenant")
PATH = "/console/webhooks"


class NewEndpoint(BaseModel, frozen=True):
    """The form of a new endpoint."""

    url: Annotated[str, Field(max_length=api.LONGEST_URL)]
    events: Annotated[list[str], Field(min_length=1, max_length=api.MOST_EVENTS)]
    description: Annotated[str, Field(max_length=200)] = ""


@router.get(PATH, dependencies=[ACCESS])
async def endpoints(request: Request, principal: Caller) -> Response:
    """All endpoints of the tenant."""
    found = await api.read_all(principal)
    return render(request, "webhooks.html", endpoints=found.endpoints, events=found.events)


@router.post(PATH, dependencies=[ACCESS])
async def create(
    request: Request, form: Annotated[NewEndpoint, Form()], principal: Caller
) -> Response:
    """Register an endpoint, and show its secret."""
    issued = await api.create(principal, EndpointRequest(**form.model_dump()))
    return render(request, "webhook_secret.html", issued=issued)


@router.get(PATH + "/{endpoint}", dependencies=[ACCESS])
async def endpoint(
    request: Request,
    endpoint: str,
    principal: Caller,
    status: DeliveryStatus | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """One endpoint with its deliveries, the newest first."""
    wanted = Wanted(status=status, before=before)
    found = await api.read_deliveries(endpoint, principal, wanted)
    return render(
        request,
        "webhook.html",
        endpoint=await api.read(endpoint, principal),
        deliveries=found.deliveries,
        more=found.next,
        chosen=status,
        statuses=list(DeliveryStatus),
    )


@router.post(PATH + "/{endpoint}/rotate", dependencies=[ACCESS])
async def rotate(
    request: Request, endpoint: str, form: Annotated[Reason, Form()], principal: Caller
) -> Response:
    """Give the endpoint a new secret, and show it."""
    issued = await api.rotate(endpoint, principal, form)
    return render(request, "webhook_secret.html", issued=issued)


@router.post(PATH + "/{endpoint}/enable", dependencies=[ACCESS])
async def enable(endpoint: str, form: Annotated[Reason, Form()], principal: Caller) -> Response:
    """Send it events again."""
    await api.enable(endpoint, principal, form)
    return RedirectResponse(f"{PATH}/{endpoint}", 303)


@router.post(PATH + "/{endpoint}/disable", dependencies=[ACCESS])
async def disable(endpoint: str, form: Annotated[Reason, Form()], principal: Caller) -> Response:
    """Send it nothing."""
    await api.disable(endpoint, principal, form)
    return RedirectResponse(f"{PATH}/{endpoint}", 303)


@router.post(PATH + "/{endpoint}/redeliver", dependencies=[ACCESS])
async def redeliver_dead(
    endpoint: str, form: Annotated[Reason, Form()], principal: Caller
) -> Response:
    """Send all that did not arrive once more."""
    await api.redeliver_dead(endpoint, principal, form)
    return RedirectResponse(f"{PATH}/{endpoint}", 303)


@router.post(PATH + "/{endpoint}/deliveries/{delivery}/redeliver", dependencies=[ACCESS])
async def redeliver(
    endpoint: str, delivery: DeliveryId, form: Annotated[Reason, Form()], principal: Caller
) -> Response:
    """Send one event once more."""
    await api.redeliver(endpoint, delivery, principal, form)
    return RedirectResponse(f"{PATH}/{endpoint}", 303)

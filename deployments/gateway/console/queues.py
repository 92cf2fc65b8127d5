"""Pause and resume a queue, from the console's overview."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from deployments.gateway import queues as api
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.act_forms import ActForm

router = APIRouter()
ACCESS = allow(Scope.OPERATE, objects="a queue that all tenants share")


@router.post("/console/queues/{workflow}/pause", dependencies=[ACCESS])
async def pause(workflow: str, form: Annotated[ActForm, Form()], principal: Caller) -> Response:
    """Hand out no item of the queue."""
    await api.pause(workflow, form, principal)
    return RedirectResponse("/console", 303)


@router.post("/console/queues/{workflow}/resume", dependencies=[ACCESS])
async def resume(workflow: str, form: Annotated[ActForm, Form()], principal: Caller) -> Response:
    """Hand out items again."""
    await api.resume(workflow, form, principal)
    return RedirectResponse("/console", 303)

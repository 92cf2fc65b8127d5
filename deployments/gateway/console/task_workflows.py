"""A workflow of tasks: how they stand; add some, or cancel all."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from agents.tasks.read import tasks_in
from deployments.gateway import task_workflows as api
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.act_forms import ActForm
from deployments.gateway.console.pages import render
from deployments.gateway.task_workflows import MOST_SHOWN, OBJECTS, Id

router = APIRouter(prefix="/console/task-workflows/{id}")
ACTS = [allow(Scope.ACT, objects=OBJECTS)]
FormId = Annotated[str, Field(min_length=8, max_length=64)]
LONGEST_TEXT = 200_000


class Pressed(ActForm):
    """A form with an id that no other form has: a second press does nothing."""

    id: FormId


class Adding(Pressed):
    """Tasks as YAML or JSON, in the form of a file."""

    tasks: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


@router.get("", dependencies=[allow(Scope.READ, objects=OBJECTS)])
async def read(
    id: Id,  # noqa: A002 - the name in the path
    request: Request,
    principal: Caller,
    after: api.After = 0,
) -> Response:
    """The tasks in the order of their ids."""
    found = await api.read(id, principal, after, MOST_SHOWN)
    acts = Scope.ACT in principal.scopes
    return render(request, "task_workflow.html", workflow=found, after=after, acts=acts)


@router.post("/tasks", dependencies=ACTS)
async def add(
    id: Id,  # noqa: A002 - the name in the path
    form: Annotated[Adding, Form()],
    request: Request,
    principal: Caller,
) -> Response:
    """Add tasks."""
    with api.refused(id):
        workflow = tasks_in(form.tasks.encode(), id)
    await api.add(request, principal, workflow, form, form.id)
    return RedirectResponse(f"/console/task-workflows/{id}", 303)


@router.post("/cancel", dependencies=ACTS)
async def cancel(
    id: Id,  # noqa: A002 - the name in the path
    form: Annotated[Pressed, Form()],
    request: Request,
    principal: Caller,
) -> Response:
    """Cancel all tasks that have not ended."""
    await api.cancel_all(request, principal, id, form, form.id)
    return RedirectResponse(f"/console/task-workflows/{id}", 303)

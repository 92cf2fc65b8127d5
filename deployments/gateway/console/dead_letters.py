"""Dead letters: grouped by their error, and the items of one group."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from agents.runtime.journal import attention
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.item_summaries import summaries_of
from deployments.gateway.console.pages import render
from deployments.gateway.lists import ReplayForm, replay_many
from deployments.gateway.tenancy import journal_of, workflow_named
from flows.workflows import WORKFLOWS

router = APIRouter()
ROWS = 50
ACCESS = allow(Scope.READ, objects="dead letters of the caller's tenant")

Text = Annotated[str, Field(min_length=1, max_length=200)]


class Group(BaseModel, frozen=True):
    """A group by its agent and type of error, and what was replayed of it just now."""

    agent: Text
    error_type: Text
    replayed: Annotated[int, Field(ge=0, le=500)] | None = None
    remaining: Annotated[int, Field(ge=0)] = 0


class Replay(BaseModel, frozen=True):
    """The form that replays dead letters of a group, the oldest first, at a rate."""

    agent: Annotated[str, Field(min_length=1, max_length=100)]
    error_type: Annotated[str, Field(min_length=1, max_length=100)]
    most: Annotated[int, Field(ge=1, le=500)]
    per_minute: Annotated[int, Field(ge=1, le=60_000)]
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


@router.get("/console/dead-letters", dependencies=[ACCESS])
async def groups(request: Request, principal: Caller) -> Response:
    """The groups of all workflows."""
    journal = journal_of(principal)
    found = [group for name in WORKFLOWS for group in await attention.error_groups(journal, name)]
    return render(request, "dead_letters.html", groups=found, most=attention.MOST)


@router.get("/console/dead-letters/{workflow}", dependencies=[ACCESS])
async def group(
    request: Request,
    workflow: str,
    principal: Caller,
    wanted: Annotated[Group, Query()],
) -> Response:
    """The items of one group, the oldest dead letter first."""
    _ = workflow_named(workflow)
    journal = journal_of(principal)
    agent, error_type = wanted.agent, wanted.error_type
    found = await attention.letters_of(journal, workflow, agent, error_type, ROWS + 1)
    shown = found[:ROWS]
    return render(
        request,
        "dead_letter_group.html",
        workflow=workflow,
        wanted=wanted,
        rows=shown,
        has_more=len(found) > ROWS,
        summaries=await summaries_of(journal, workflow, [row.id for row in shown]),
        acts=Scope.ACT in principal.scopes,
        here=_path(workflow, agent, error_type),
    )


@router.post(
    "/console/dead-letters/{workflow}",
    dependencies=[allow(Scope.ACT, objects="dead letters of the caller's tenant")],
)
async def replay_group(
    workflow: str, form: Annotated[Replay, Form()], principal: Caller
) -> Response:
    """Replay the oldest of a group; none is replayed twice."""
    done = await replay_many(workflow, ReplayForm(**form.model_dump()), principal)
    path = _path(workflow, form.agent, form.error_type)
    return RedirectResponse(f"{path}&replayed={len(done.keys)}&remaining={done.remaining}", 303)


def _path(workflow: str, agent: str, error_type: str) -> str:
    query = urlencode({"agent": agent, "error_type": error_type})
    return f"/console/dead-letters/{workflow}?{query}"

"""Dead letters: grouped by their error, and the items of one group."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.runtime.journal import attention
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.item_summaries import summaries_of
from deployments.gateway.console.pages import render
from deployments.gateway.tenancy import journal_of, workflow_named
from flows.workflows import WORKFLOWS

router = APIRouter()
ROWS = 50
ACCESS = allow(Scope.READ, objects="dead letters of the caller's tenant")

Text = Annotated[str, Query(min_length=1, max_length=200)]


@router.get("/console/dead-letters", dependencies=[ACCESS])
async def groups(request: Request, principal: Caller) -> Response:
    """The groups of all workflows."""
    journal = journal_of(principal)
    found = [group for name in WORKFLOWS for group in await attention.error_groups(journal, name)]
    return render(request, "dead_letters.html", groups=found, most=attention.MOST)


@router.get("/console/dead-letters/{workflow}", dependencies=[ACCESS])
async def group(
    request: Request, workflow: str, principal: Caller, agent: Text, error_type: Text
) -> Response:
    """The items of one group, the oldest dead letter first."""
    _ = workflow_named(workflow)
    journal = journal_of(principal)
    found = await attention.letters_of(journal, workflow, agent, error_type, ROWS + 1)
    shown = found[:ROWS]
    return render(
        request,
        "dead_letter_group.html",
        workflow=workflow,
        agent=agent,
        error_type=error_type,
        rows=shown,
        has_more=len(found) > ROWS,
        summaries=await summaries_of(journal, workflow, [row.id for row in shown]),
        acts=Scope.ACT in principal.scopes,
    )

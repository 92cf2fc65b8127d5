"""One item's page: its time line, stages, effects, what it waits for, and what can be done now."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from deployments.gateway import item_views
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.pages import render
from deployments.gateway.item_acts import allowed
from deployments.gateway.item_views import Act
from deployments.gateway.tenancy import journal_of, unknown_item, workflow_named

router = APIRouter()
EVENTS = 50


@router.get(
    "/console/items/{workflow}/{key:path}",
    dependencies=[allow(Scope.READ, objects="an item of the caller's tenant")],
)
async def item(  # noqa: PLR0913 - the path, the page of the time line, and what was done
    request: Request,
    workflow: str,
    key: str,
    principal: Caller,
    before: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    done: Act | None = None,
) -> Response:
    """The item; the time line is in pages, the newest events first."""
    _ = workflow_named(workflow)
    found = await item_views.view(
        journal_of(principal), workflow, key, before=before, most=EVENTS, timed=True
    )
    if found is None:
        raise unknown_item(workflow, key)
    return render(
        request,
        "item.html",
        item=found,
        possible=allowed(found),
        before=before,
        done=done,
        acts=Scope.ACT in principal.scopes and not before,
    )

"""The page of runs: the processes that work now, with what each holds; it follows them live."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.runtime.journal import in_work
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.pages import render
from deployments.gateway.queues import is_operator
from deployments.gateway.tenancy import journal_of
from flows.cli.reports import flow_run_page

router = APIRouter()


@router.get(
    "/console/runs",
    dependencies=[allow(Scope.READ, objects="items of the caller's tenant in work")],
)
async def runs(request: Request, principal: Caller) -> Response:
    """Processes without items of the tenant are shown to the installation's own operators only."""
    journal = journal_of(principal)
    found = await in_work.processes(journal)
    if not is_operator(principal):
        found = [one for one in found if one.held]
    return render(
        request,
        "runs.html",
        processes=found,
        pages={one.id: flow_run_page(one.flow_run) for one in found if one.flow_run},
        items=await in_work.items_in_work(journal),
        most=in_work.MOST_ITEMS,
    )

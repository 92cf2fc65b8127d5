"""The pages of analyses: the list, and one with its report inside."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.analysis.report import AnalysisReport
from agents.runtime.journal.item_lists import Filter, page
from deployments.gateway import analyses as api
from deployments.gateway import item_views
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.console.keyset import pack, unpack
from deployments.gateway.console.pages import render
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, unknown_item

router = APIRouter()
ACCESS = allow(Scope.READ, objects="analyses of the caller's tenant")
ROWS, QUARANTINED = 50, 20


@router.get("/console/analyses", dependencies=[ACCESS])
async def analyses(
    request: Request, principal: Caller, after: Annotated[str, Query(max_length=5_000)] = ""
) -> Response:
    """The analyses, the newest first."""
    position = unpack(after, (float, int))
    found = await page(journal_of(principal), api.WORKFLOW, Filter(), position, ROWS)
    return render(request, "analyses.html", rows=found.rows, more=pack(found.next), first=not after)


@router.get("/console/analyses/{key}", dependencies=[ACCESS])
async def analysis(request: Request, key: str, principal: Caller) -> Response:
    """One analysis: its progress, and when it has ended its report."""
    item = await item_views.view(journal_of(principal), api.WORKFLOW, key, most=1)
    if item is None:
        raise unknown_item(api.WORKFLOW, key)
    report = await _report(key, principal)
    refused = await api.quarantine(key, principal, api.Wanted(limit=QUARANTINED))
    return render(
        request,
        "analysis.html",
        item=item,
        report=report,
        has_page=report is not None and await _has_page(key, principal),
        refused=refused.rows,
        has_more=refused.next is not None,
    )


async def _report(key: str, principal: Principal) -> AnalysisReport | None:
    try:
        return await api.report(key, principal)
    except Problem:
        return None


async def _has_page(key: str, principal: Principal) -> bool:
    try:
        await api.page(key, principal)
    except Problem:
        return False
    return True

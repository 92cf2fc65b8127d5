"""The inbox of approvals: items that wait for a person's decision, those that wait longest first."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.runtime.journal import Journal, attention
from agents.runtime.journal.item_lists import Filter, page
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.item_summaries import summaries_of
from deployments.gateway.console.keyset import pack, unpack
from deployments.gateway.console.pages import render
from deployments.gateway.tenancy import journal_of, workflow_named
from flows.workflows import WORKFLOWS

router = APIRouter()
ROWS = 25


@router.get(
    "/console/approvals",
    dependencies=[allow(Scope.READ, objects="items of the caller's tenant that wait")],
)
async def approvals(
    request: Request,
    principal: Caller,
    workflow: str = "",
    after: Annotated[str, Query(max_length=5_000)] = "",
) -> Response:
    """One page of the inbox of a workflow; without one, of the first that has any."""
    journal = journal_of(principal)
    counts = await _counts(journal)
    chosen = workflow or next(iter(counts), "orders")
    _ = workflow_named(chosen)
    position = unpack(after, (float, int))
    found = await page(journal, chosen, Filter(waiting="person"), position, ROWS)
    ids = [row.id for row in found.rows]
    return render(
        request,
        "approvals.html",
        workflow=chosen,
        counts=counts,
        most=attention.MOST,
        rows=found.rows,
        questions=await attention.questions(journal, ids),
        summaries=await summaries_of(journal, chosen, ids),
        more=pack(found.next),
        first=not after,
        decides=Scope.ACT in principal.scopes,
    )


async def _counts(journal: Journal) -> dict[str, int]:
    """How many items of each workflow wait, without those that have none."""
    found = {name: await attention.waiting_count(journal, name) for name in WORKFLOWS}
    return {name: count for name, count in found.items() if count}

"""The list of items with its filters, and the search by order id or customer."""

from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from agents.runtime.journal import Journal
from agents.runtime.journal.item_lists import Filter, Page, page, plan_of
from agents.runtime.journal.queries import named
from agents.runtime.model.lifecycle import State
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.item_summaries import summaries_of
from deployments.gateway.console.keyset import pack, unpack
from deployments.gateway.console.pages import render
from deployments.gateway.tenancy import journal_of, workflow_named
from flows.workflows import WORKFLOWS

router = APIRouter()
ROWS = 50
HOUR = 3_600.0

Text = Annotated[str, Field(max_length=200)]


class Wanted(BaseModel, frozen=True):
    """The fields of the form, as the address has them; empty ones do not filter."""

    workflow: Text = "orders"
    q: Text = ""
    state: State | Literal[""] = ""
    outcome: Text = ""
    agent: Text = ""
    waiting: Literal["", "retry", "person"] = ""
    version: Text = ""
    hours: Annotated[float, Field(ge=0, le=1e6)] | Literal[""] = ""
    error: Text = ""
    after: Annotated[str, Field(max_length=5_000)] = ""

    def filter(self) -> Filter:
        """The filter of the journal's list."""
        return Filter(
            state=self.state or None,
            outcome=self.outcome.strip() or None,
            agent=self.agent.strip() or None,
            waiting=self.waiting or None,
            version=self.version.strip() or None,
            younger_than=self.hours * HOUR if self.hours != "" else None,
            error=self.error.strip() or None,
        )


@router.get(
    "/console/items", dependencies=[allow(Scope.READ, objects="items of the caller's tenant")]
)
async def items(
    request: Request,
    principal: Caller,
    wanted: Annotated[Wanted, Query()],
) -> Response:
    """One page of the list, or the item with the key that was searched for."""
    workflow_named(wanted.workflow)
    journal, word = journal_of(principal), wanted.q.strip()
    if word and await named(journal, wanted.workflow, [word]):
        return RedirectResponse(f"/console/items/{wanted.workflow}/{quote(word, safe='')}", 303)
    found = await _page(journal, wanted, word)
    known = await summaries_of(journal, wanted.workflow, [row.id for row in found.rows])
    return render(
        request,
        "items.html",
        wanted=wanted,
        rows=found.rows,
        summaries=known,
        more=pack(found.next),
        first=not wanted.after,
        workflows=sorted(WORKFLOWS),
        states=list(State),
    )


async def _page(journal: Journal, wanted: Wanted, word: str) -> Page:
    """The page of the filter; a word that is searched for is a key's beginning or else a customer."""
    if not word:
        return await _read(journal, wanted.workflow, wanted.filter(), wanted.after)
    by_key = replace(wanted.filter(), key_prefix=word)
    by_customer = replace(wanted.filter(), customer=word)
    is_customer = (await _read(journal, wanted.workflow, by_customer, "", most=1)).rows
    chosen = by_customer if is_customer else by_key
    return await _read(journal, wanted.workflow, chosen, wanted.after)


async def _read(
    journal: Journal, workflow: str, wanted: Filter, after: str, most: int = ROWS
) -> Page:
    order = plan_of(journal.tenant, workflow, wanted).order
    position = unpack(after, [column.type.python_type for column in order.columns])
    return await page(journal, workflow, wanted, position, most)

"""The list of items with its filters, and the search by order id or customer."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
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

Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The fields of the form, as the address has them; empty ones do not filter."""

    workflow: Text = "orders"
    q: Text = ""
    state: State | Literal[""] = ""
    outcome: Text = ""
    agent: Text = ""
    waiting: Literal["", "retry", "person"] = ""
    version: Text = ""
    hours: Annotated[float | Literal[""], Query(ge=0, le=1e6)] = ""
    error: Text = ""

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
    after: Annotated[str, Query(max_length=5_000)] = "",
) -> Response:
    """One page of the list, or the item with the key that was searched for."""
    workflow_named(wanted.workflow)
    journal, word = journal_of(principal), wanted.q.strip()
    if word and await named(journal, wanted.workflow, [word]):
        return RedirectResponse(f"/console/items/{wanted.workflow}/{quote(word, safe='')}", 303)
    found = await _page(journal, wanted, word, after)
    known = await summaries_of(journal, wanted.workflow, [row.id for row in found.rows])
    return render(
        request,
        "items.html",
        wanted=wanted,
        rows=found.rows,
        summaries=known,
        more=pack(found.next),
        first=not after,
        workflows=sorted(WORKFLOWS),
        states=list(State),
    )


async def _page(journal: Journal, wanted: Wanted, word: str, after: str) -> Page:
    """The page of the filter; a word that is searched for is a key's beginning or else a customer."""
    if not word:
        return await _read(journal, wanted.workflow, wanted.filter(), after)
    by_key = replace(wanted.filter(), key_prefix=word)
    by_customer = replace(wanted.filter(), customer=word)
    if after:
        of_customer = await _read(journal, wanted.workflow, by_customer, "", most=1)
        return await _read(
            journal, wanted.workflow, by_customer if of_customer.rows else by_key, after
        )
    found = await _read(journal, wanted.workflow, by_customer, after)
    return found if found.rows else await _read(journal, wanted.workflow, by_key, after)


async def _read(
    journal: Journal, workflow: str, wanted: Filter, after: str, most: int = ROWS
) -> Page:
    order = plan_of(journal.tenant, workflow, wanted).order
    position = unpack(after, [column.type.python_type for column in order.columns])
    return await page(journal, workflow, wanted, position, most)

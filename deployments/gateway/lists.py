"""Lists of items over HTTP, page by page, and replays of many dead letters."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from agents.runtime.errors import IllegalTransition
from agents.runtime.journal.item_lists import MOST_ROWS, Filter, page
from agents.runtime.journal.operator_actions import OperatorAction, replay
from agents.runtime.journal.queries import count_letters, letters
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import LONGEST_WAIT
from agents.runtime.redaction import redacted
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.act_forms import ActForm, AgentName
from deployments.gateway.cursors import LONGEST, cursors
from deployments.gateway.item_events import Moment
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import journal_of, workflow_named

router = APIRouter(prefix="/v", tags=["items"])

ROWS = 50
A_CENTURY = 3.2e9  # seconds
COUNTED = 10_000  # dead letters that are left

Text = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(ge=0, le=A_CENTURY, allow_inf_nan=False)]


class ItemRow(BaseModel):
    """An item in a list."""

    key: str
    state: State
    outcome: str | None
    version: str
    priority: str
    sequence: int = Field(description="the number of its last event; the ETag")
    customer_id: str | None
    accepted_at: Moment
    ended_at: Moment | None
    waiting_since: Moment | None = Field(description="since when it waits for a person")
    retry_at: Moment | None = Field(description="when it is tried again")
    cancel_requested: bool
    agent: str = Field(description="where it failed, if it is a dead letter")
    error_type: str
    error: str
    status: str = Field(description="the path that says all about it")


class ItemPage(BaseModel):
    """A page of a list. It may have fewer items than asked for and a `next`, or even none."""

    items: list[ItemRow]
    next: str | None = Field(description="the cursor of the next page; none after the last one")


class Wanted(BaseModel):
    """Which items, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    outcome: Text | None = None
    agent: Text | None = Field(None, description="items with a step of it that has not succeeded")
    waiting: Literal["retry", "person"] | None = None
    version: Text | None = None
    older_than: Seconds | None = Field(None, description="seconds since the item was accepted")
    younger_than: Seconds | None = None
    key_prefix: Text | None = None
    customer: Text | None = None
    error: Text | None = Field(None, description="a text that an error contains, in any case")
    cursor: str | None = Field(None, max_length=LONGEST)
    limit: int = Field(ROWS, ge=1, le=MOST_ROWS)

    def filter(self) -> Filter:
        """The filter of the journal's list."""
        return Filter(**self.model_dump(exclude={"cursor", "limit"}))


@router.get("/{workflow}", dependencies=[allow(Scope.READ, objects="items of the caller's tenant")])
async def read(
    workflow: str, request: Request, principal: Caller, wanted: Annotated[Wanted, Query()]
) -> ItemPage:
    """The items that the filter selects, the newest first.

    Those with a prefix are listed by key, those that wait for a person the longest first, and those
    that wait for a retry the next first.
    """
    _ = workflow_named(workflow)
    journal, chosen = journal_of(principal), wanted.filter()
    place = await cursors(request, principal.tenant, workflow, repr(chosen))
    found = await page(journal, workflow, chosen, place.read(wanted.cursor), wanted.limit)
    rows = [_row(workflow, row) for row in found.rows]
    return ItemPage(items=rows, next=place.sign(found.next))


def _row(workflow: str, row: Row[Any]) -> ItemRow:
    return ItemRow(
        key=row.key,
        state=row.state,
        outcome=row.outcome,
        version=row.version,
        priority=row.priority,
        sequence=row.sequence,
        customer_id=row.customer,
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
        waiting_since=row.waiting_since,
        retry_at=row.retry_at,
        cancel_requested=row.cancel_requested,
        agent=row.dead_agent or "",
        error_type=row.error_type or "",
        error=redacted(row.error or ""),
        status=f"/v/{workflow}/{quote(row.key, safe='')}",
    )


class ReplayForm(ActForm):
    """Which dead letters are replayed, the oldest first, and how fast."""

    model_config = ConfigDict(strict=True)

    agent: AgentName | None = Field(None, description="only those that failed at this agent")
    error_type: AgentName | None = Field(None, description="only those with this type of error")
    older_than: Seconds = Field(0.0, description="only those of at least this age in seconds")
    per_minute: int = Field(600, ge=1, le=60_000, description="items that begin in a minute")
    most: int = Field(100, ge=1, le=500, description="items of this call")


class Replayed(BaseModel):
    """What a call has replayed."""

    keys: list[str]
    seconds: float = Field(description="from now until the last of them begins")
    remaining: int = Field(description="open dead letters that are left, counted to 10,000")


@router.post(
    "/{workflow}/replay",
    dependencies=[allow(Scope.ACT, objects="dead letters of the caller's tenant")],
)
async def replay_many(workflow: str, form: ReplayForm, principal: Caller) -> Replayed:
    """Replay dead letters at a rate; call it again while some remain.

    Each begins after the one before, so that a system that has come back is not flooded. A call that is
    sent again replays none of them twice.
    """
    _ = workflow_named(workflow)
    gap = 60.0 / form.per_minute
    if form.most * gap > LONGEST_WAIT:
        raise Problem(
            422,
            "invalid-act",
            f"{form.most} items at {form.per_minute} a minute take more than an hour",
            "replay fewer of them in one call",
            field="most",
            rule="too-slow",
            limit=int(LONGEST_WAIT / gap),
        )
    journal, keys = journal_of(principal), list[str]()
    found = await letters(
        journal,
        workflow,
        agent=form.agent,
        error_type=form.error_type,
        older_than=form.older_than,
        most=form.most,
    )
    for row in found:
        action = OperatorAction(workflow, row.key, principal.name, form.reason)
        try:
            if await replay(journal, action, wait=len(keys) * gap):
                keys.append(row.key)
        except IllegalTransition:  # somebody else has acted on it meanwhile
            continue
    left = await count_letters(journal, workflow, form.agent, form.error_type, COUNTED)
    return Replayed(keys=keys, seconds=max(len(keys) - 1, 0) * gap, remaining=left)

"""The audit log over HTTP: who did what to which object of the tenant, and why."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from agents.runtime.journal import audit
from agents.workflow.fields import Instant
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.tenancy import journal_of

router = APIRouter(prefix="/audit", tags=["audit"])


class Act(BaseModel):
    """An entry of the log."""

    number: int
    at: datetime
    by: str
    act: str
    object: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]


class Acts(BaseModel):
    """A page of the log, the newest entry first; `next` is the `after` of the next page."""

    entries: list[Act]
    next: str | None


class Wanted(BaseModel, extra="forbid"):
    """Which entries, and which page of them."""

    by: str | None = Field(None, max_length=200)
    act: str | None = Field(None, max_length=50)
    object: str | None = Field(None, max_length=300, examples=["item orders/W1763367"])
    since: Instant | None = None
    until: Instant | None = None
    after: str | None = Field(None, pattern=r"^\d{1,12}\.\d{1,9}-\d{1,18}$")
    limit: int = Field(50, ge=1, le=500)


@router.get("", dependencies=[allow(Scope.ADMIN, objects="the audit log of the caller's tenant")])
async def read(principal: Caller, wanted: Annotated[Wanted, Query()]) -> Acts:
    """The acts of the tenant, the newest first."""
    chosen = audit.AuditFilter(
        *(wanted.by, wanted.act, wanted.object),
        since=_seconds(wanted.since),
        until=_seconds(wanted.until),
    )
    found = await audit.entries(
        journal_of(principal), chosen, _place(wanted.after), wanted.limit + 1
    )
    shown = found[: wanted.limit]
    more = len(found) > len(shown)
    return Acts(
        entries=[_act(row) for row in shown],
        next=f"{shown[-1].at:.9f}-{shown[-1].id}" if more else None,
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _place(after: str | None) -> tuple[float, int] | None:
    if after is None:
        return None
    at, _, number = after.partition("-")
    return float(at), int(number)


def _act(row: audit.AuditRow) -> Act:
    entry = row.entry
    return Act(
        number=row.id,
        at=datetime.fromtimestamp(row.at, UTC),
        by=entry.by,
        act=entry.act,
        object=entry.object,
        reason=entry.reason,
        before=dict(entry.before),
        after=dict(entry.after),
    )

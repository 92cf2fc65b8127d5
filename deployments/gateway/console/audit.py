"""The page of the audit log: who did what to which object, and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from agents.runtime.journal.audit import AuditFilter, entries
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.console.keyset import pack, unpack
from deployments.gateway.console.pages import render
from deployments.gateway.tenancy import journal_of

router = APIRouter()
ROWS = 50

Text = Annotated[str, Query(max_length=200)]


@router.get(
    "/console/audit", dependencies=[allow(Scope.ADMIN, objects="the audit log of the tenant")]
)
async def audit(  # noqa: PLR0913 - the fields of the filter
    request: Request,
    principal: Caller,
    by: Text = "",
    act: Text = "",
    object: Text = "",  # noqa: A002 - the field's name in the log
    after: str = "",
) -> Response:
    """Entries of the audit log, the newest first."""
    wanted = AuditFilter(by.strip() or None, act.strip() or None, object.strip() or None)
    position = unpack(after, (float, int))
    found = await entries(journal_of(principal), wanted, position, ROWS + 1)  # type: ignore[arg-type]  # of the kinds above
    shown = found[:ROWS]
    more = pack((shown[-1].at, shown[-1].id)) if len(found) > ROWS else ""
    return render(request, "audit.html", rows=shown, more=more, wanted=wanted, first=not after)

"""Items over HTTP: one item with its history."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import Version
from deployments.gateway.item_views import EVENTS, MOST_EVENTS, ItemView, etag, view
from deployments.gateway.tenancy import journal_of, unknown_item, workflow_named

router = APIRouter(prefix="/v", tags=["items"])


@router.get(
    "/{workflow}/{key:path}",
    dependencies=[allow(Scope.READ, Scope.SUBMIT, objects="an item of the caller's tenant")],
)
async def read(  # noqa: PLR0913 - parameters of a route
    workflow: str,
    key: str,
    principal: Caller,
    version: Version,
    response: Response,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    most: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = EVENTS,
) -> ItemView:
    """One item with its history, the newest events first; `earlier` continues as `before`.

    The ETag is the number of its last event: send it as If-Match with an act. Callers who may act get
    the body as it was sent, others without personal data.
    """
    _ = workflow_named(workflow)
    whole = Scope.ACT in principal.scopes
    journal = journal_of(principal)
    found = await view(journal, workflow, key, before=before, most=most, whole=whole, timed=True)
    if found is None:
        raise unknown_item(workflow, key)
    response.headers["etag"] = etag(found.sequence)
    if found.body is not None:
        found.body = version.downcast(workflow, found.body)
    return found

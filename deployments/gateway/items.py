"""Items over HTTP: what became of one."""

from fastapi import APIRouter

from agents.runtime.journal.queries import item_history
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.tenancy import journal_of, unknown_item, workflow_named

router = APIRouter(prefix="/v", tags=["items"])


@router.get(
    "/{workflow}/{key:path}",
    dependencies=[allow(Scope.READ, Scope.SUBMIT, objects="an item of the caller's tenant")],
)
async def read(workflow: str, key: str, principal: Caller) -> dict[str, str | None]:
    """One item with its history."""
    _ = workflow_named(workflow)
    found = await item_history(journal_of(principal), workflow, key)
    if found is None:
        raise unknown_item(workflow, key)
    return {"key": key, "state": found.item.state, "outcome": found.item.outcome}

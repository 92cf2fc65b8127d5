"""The versions of the API over HTTP: what changed in each, when it ends, and who still uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, Field

from agents.runtime.journal import api_use
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import Versions, versions
from deployments.gateway.tenancy import journal_of


@asynccontextmanager
async def _stored_at_the_end(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.use_counter.flush()


router = APIRouter(prefix="/versions", tags=["versions"], lifespan=_stored_at_the_end)


class WorkflowChange(BaseModel):
    """What a version changed in the items of a workflow."""

    workflow: str
    summary: str


class DatedVersion(BaseModel):
    """A version of the API.

    `deprecated` is the day since which a newer one should be used, `sunset` the day after which this
    one may stop working; null if there is none.
    """

    version: str = Field(examples=["2026-11-29"])
    changes: list[WorkflowChange]
    deprecated: date | None
    sunset: date | None


class VersionUse(BaseModel):
    """Who uses a version: the id of an API key, or the name of a caller without one."""

    caller: str
    workflow: str
    version: str
    requests: int
    last_used: date


class Overview(BaseModel):
    """The versions of the API, the oldest first, and the use of each by the caller's tenant."""

    newest: str
    versions: list[DatedVersion]
    uses: list[VersionUse]


@router.get(
    "",
    dependencies=[
        allow(
            Scope.READ, Scope.OPERATE, Scope.ADMIN, objects="versions, and their use by the tenant"
        )
    ],
)
async def read(request: Request, principal: Caller) -> Overview:
    """All versions of the API, and which of them the tenant's callers still use."""
    await request.app.state.use_counter.flush()
    known = versions()
    return Overview(
        newest=known.newest,
        versions=[_dated(known, name) for name in known.names],
        uses=[
            VersionUse(
                caller=use.user.caller,
                workflow=use.user.workflow,
                version=use.user.version,
                requests=use.requests,
                last_used=use.last_used,
            )
            for use in await api_use.uses(journal_of(principal))
        ],
    )


def _dated(known: Versions, name: str) -> DatedVersion:
    chains = known.of(name).chains.values()
    return DatedVersion(
        version=name,
        changes=[
            WorkflowChange(workflow=workflow, summary=change.summary)
            for workflow, changes in known.changes.items()
            for change in changes
            if change.version == name
        ],
        deprecated=min((chain.deprecated for chain in chains if chain.deprecated), default=None),
        sunset=min((chain.sunset for chain in chains if chain.sunset), default=None),
    )

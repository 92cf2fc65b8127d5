"""Whether the gateway lives, whether it can serve, and its metrics.

`/health` asks nothing: a process that answers lives. `/ready` asks what a request needs, so that a balancer
sends requests elsewhere meanwhile.
"""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from agents.runtime.context import runtime
from deployments.gateway.access import Caller, Scope, allow, public
from deployments.gateway.problems import Problem
from deployments.gateway.queues import is_operator

router = APIRouter(tags=["health"])

JOURNAL_SECONDS = 2.0  # for an answer of the journal


class Status(BaseModel):
    """How the gateway is."""

    status: str


@router.get("/health", dependencies=[public("whether the process lives")])
async def health() -> Status:
    """Whether the process lives."""
    return Status(status="lives")


@router.get("/ready", dependencies=[public("whether the gateway can serve")])
async def ready() -> Status:
    """Whether requests can be served: 503 names what is missing."""
    here = runtime()
    if here.stop.asked:
        raise _not_ready("stopping", "the gateway stops")
    if here.lease.lost is not None or here.lease.remaining() <= 0:
        raise _not_ready("lease", "the process has lost its lease in the journal")
    try:
        async with asyncio.timeout(JOURNAL_SECONDS):
            is_current = await here.journal.database.is_current()
    except Exception:  # noqa: BLE001 - whatever the driver says, the journal does not answer
        raise _not_ready("journal", "the journal does not answer") from None
    if not is_current:
        raise _not_ready("migration", "the journal's schema is of an earlier release")
    return Status(status="ready")


def _not_ready(rule: str, detail: str) -> Problem:
    headers = {"Retry-After": "1"}
    return Problem(503, "not-ready", detail, "send requests elsewhere", rule=rule, headers=headers)


@router.get(
    "/metrics",
    dependencies=[allow(Scope.READ, Scope.OPERATE, objects="the metrics of this process")],
    response_class=Response,
)
async def metrics(principal: Caller) -> Response:
    """The metrics of this process, for Prometheus; queues of all tenants are among them."""
    if not is_operator(principal):
        raise Problem(
            403,
            "not-allowed",
            "metrics are of all tenants",
            "use a key of the installation's own tenant",
        )
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

"""Webhooks of outside systems: kept in the journal and handled later; the signature is the credential."""

from functools import cache

from fastapi import APIRouter, Request, Response

from agents.runtime.telemetry import get_logger
from agents.workflow.incoming_webhooks import (
    LARGEST,
    EventRefused,
    EventTooLarge,
    IncomingWebhook,
)
from deployments.gateway.access import public
from deployments.gateway.problems import Problem
from flows.workflows import WORKFLOWS

log = get_logger(__name__)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.post(
    "/{system}",
    status_code=204,
    dependencies=[public("events of an outside system, whose signature is checked")],
)
async def receive(system: str, request: Request) -> Response:
    """Keep an event of an outside system."""
    webhook = _systems().get(system)
    if webhook is None:
        raise Problem(404, "unknown-system", f"no system {system[:80]!r} sends events here")
    try:
        await webhook.take(request.stream(), request.headers)
    except EventTooLarge:
        raise Problem(413, "too-large", "the event is too large", limit=LARGEST) from None
    except EventRefused as error:
        # A sender without the secret learns nothing; the operator reads the log.
        log.warning("event refused", system=system, reason=error.reason)
        raise Problem(400, "event-refused", "the event is refused") from None
    return Response(status_code=204)


@cache
def _systems() -> dict[str, IncomingWebhook]:
    return {one.system: one for workflow in WORKFLOWS.values() for one in workflow.webhooks}

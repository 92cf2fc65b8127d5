"""Submission over HTTP: accept an item of any workflow."""

from fastapi import APIRouter, Request, Response

from agents.runtime.journal.api_requests import Answer
from deployments.gateway import bodies
from deployments.gateway.acceptance import acceptance
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import Version
from deployments.gateway.idempotency import key_of, request_key

router = APIRouter(prefix="/v", tags=["items"])


@router.post(
    "/{workflow}",
    status_code=202,
    dependencies=[allow(Scope.SUBMIT, objects="new items of the caller's tenant")],
)
async def submit(workflow: str, request: Request, principal: Caller, version: Version) -> Response:
    """Accept one item; a consumer processes it.

    The answer is sent once the item is committed. With an Idempotency-Key, the same request gets the
    same answer for 30 days at least, and another request with that key a 422.
    """
    accept = acceptance(request, workflow, principal, version)
    if bodies.media_type(request) != bodies.JSON:
        raise bodies.unknown_media_type(bodies.JSON)
    key = key_of(request)
    body = await bodies.whole_body(request)
    used = request_key(request, principal, version.name, key, body) if key else None
    return _response(await accept.answer(body, used))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=dict(answer.headers))

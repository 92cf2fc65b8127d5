"""Submission over HTTP: accept an item of any workflow."""

from fastapi import APIRouter, Request, Response

from deployments.gateway import bodies
from deployments.gateway.acceptance import acceptance
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import Version, asked
from deployments.gateway.idempotency import key_of, request_key
from deployments.gateway.problems import Problem
from deployments.gateway.request_limits import NDJSON
from deployments.gateway.submit_lines import answer_lines

router = APIRouter(prefix="/v", tags=["items"])


@router.post(
    "/{workflow}",
    status_code=202,
    dependencies=[allow(Scope.SUBMIT, objects="new items of the caller's tenant")],
)
async def submit(workflow: str, request: Request, principal: Caller, version: Version) -> Response:
    """Accept one item, or each line of many (`application/x-ndjson`); consumers process them.

    An answer is sent once its item is committed. With an Idempotency-Key, the same request gets the
    same answer for 30 days at least, and another request with that key a 422. Lines are answered one
    by one while they arrive.
    """
    accept = await acceptance(request, workflow, principal, version)
    kind, key = bodies.media_type(request), key_of(request)
    if kind == NDJSON:
        return await answer_lines(request, accept, key)
    if kind != bodies.JSON:
        raise bodies.unknown_media_type(bodies.JSON, NDJSON)
    body = await bodies.whole_body(request)
    used = request_key(request, principal, asked(request), key, body) if key else None
    [answer] = await accept.answers([(body, used)])
    if isinstance(answer, Problem):
        raise answer
    return Response(answer.body, answer.status, headers=dict(answer.headers))

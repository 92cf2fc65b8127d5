"""Submission over HTTP: accept an item of any workflow."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from deployments.gateway import bodies
from deployments.gateway.acceptance import acceptance
from deployments.gateway.access import Principal, Scope, allow
from deployments.gateway.api_versions import ApiVersion, asked
from deployments.gateway.idempotency import key_of, request_key
from deployments.gateway.problems import Problem
from deployments.gateway.request_limits import NDJSON
from deployments.gateway.request_spans import cause_of
from deployments.gateway.submit_lines import answer_lines
from deployments.gateway.wakes import waking


class DirectRoute(APIRoute):
    """A route that hands the request to its endpoint, after its rules of access, and nothing else.

    FastAPI's own handling of parameters takes as long as the acceptance of an item.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function that answers a request."""
        rules: list[Any] = [one.dependency for one in self.dependencies]

        async def handle(request: Request) -> Response:
            for rule in rules:
                await rule(request)
            answer: Response = await self.endpoint(request.path_params["workflow"], request)
            return answer

        return handle


router = APIRouter(prefix="/v", tags=["items"], route_class=DirectRoute, lifespan=waking)


@router.post(
    "/{workflow}",
    status_code=202,
    dependencies=[allow(Scope.SUBMIT, objects="new items of the caller's tenant")],
)
async def submit(workflow: str, request: Request) -> Response:
    """Accept one item, or each line of many (`application/x-ndjson`); consumers process them.

    An answer is sent once its item is committed. With an Idempotency-Key, the same request gets the
    same answer for 30 days at least, and another request with that key a 422. Lines are answered one
    by one while they arrive.
    """
    principal: Principal = request.state.principal
    version: ApiVersion = request.state.api_version
    accept = acceptance(request, workflow, principal, version)
    kind, key = bodies.media_type(request), key_of(request)
    await accept.room.require(accept.scenario.name, 0 if kind == NDJSON else 1)
    if kind == NDJSON:
        return await answer_lines(request, accept, key)
    if kind != bodies.JSON:
        raise bodies.unknown_media_type(bodies.JSON, NDJSON)
    body = await bodies.whole_body(request)
    used = request_key(request, principal, asked(request), key, body) if key else None
    [answer] = await accept.answers([(body, used)], cause_of(request))
    if isinstance(answer, Problem):
        raise answer
    return Response(answer.body, answer.status, headers=dict(answer.headers))

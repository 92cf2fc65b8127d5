"""Submission over HTTP: accept an item of any workflow."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from agents.runtime.context import runtime
from agents.runtime.journal.submit import Disposition, NewItem, Sender, accept
from agents.runtime.model.scenario import hash_of
from agents.runtime.telemetry import new_trace
from agents.workflow.records import InvalidRecord
from deployments.gateway.access import Caller, Scope, allow
from deployments.gateway.api_versions import Version
from deployments.gateway.problems import Problem
from deployments.gateway.tenancy import workflow_named

router = APIRouter(prefix="/v", tags=["items"])


@router.post(
    "/{workflow}",
    status_code=202,
    dependencies=[allow(Scope.SUBMIT, objects="new items of the caller's tenant")],
)
async def submit(workflow: str, request: Request, principal: Caller, version: Version) -> Response:
    """Accept one item; a consumer processes it."""
    scenario = workflow_named(workflow).scenario
    if scenario.validate is None:
        raise Problem(405, "not-accepted", f"items of {workflow} are made by other workflows")
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Problem(400, "invalid-json", f"the body is not JSON: {error}") from None
    try:
        key, text = scenario.validate(version.upcast(workflow, body))
    except InvalidRecord as error:
        first = error.problems[0]
        detail = error.in_short()
        raise Problem(
            422, "invalid-item", detail, field=first.field, rule=first.rule, limit=first.limit
        ) from None
    new = NewItem(key, text, hash_of(text), new_trace())
    sender = Sender(principal.tenant, scenario.name, scenario.version)
    [answer] = await accept(runtime().journal.database, sender, [new])
    if answer.disposition is Disposition.CONFLICT:
        raise Problem(409, "conflict", f"{workflow} has another item {key!r}")
    return _json({"workflow": workflow, "key": key, "status": f"/v/{workflow}/{key}"}, 202)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")

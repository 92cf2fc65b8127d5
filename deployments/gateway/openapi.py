"""The description of the API, /openapi.json: every route, every problem, and each workflow's own models.

It describes the newest version; GET /versions has what the others differ in. Source: OpenAPI 3.1.
"""

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field, TypeAdapter

from agents.runtime.errors import MissingExtra
from agents.runtime.model.scenario import Scenario
from deployments.gateway import idempotency, webhook_endpoints
from deployments.gateway.access import Access, public
from deployments.gateway.api_versions import HEADER, versions
from deployments.gateway.problems import MEDIA_TYPE
from flows.workflows import WORKFLOWS

router = APIRouter()

REFERENCE = "#/components/schemas/{model}"
PAGES = "/console"  # for people, not part of the API
WORKFLOW = "{workflow}"
SUBMIT = f"/v/{WORKFLOW}"
ITEM = f"{SUBMIT}/{{key}}"
NDJSON = "application/x-ndjson"
VISIBLE = r"^[^\x00-\x1f\x7f]*$"  # no control character, in any path or query
PROBLEMS = {
    "400": "The request cannot be understood, or names an unknown version.",
    "401": "The credentials are missing or not valid.",
    "403": "The key has not the scope.",
    "404": "There is no such object for this caller.",
    "405": "The object does not know this method.",
    "409": "The object is in a state, or has a content, that does not allow it.",
    "413": "The body is too large.",
    "415": "The body has another media type.",
    "422": "A field breaks a rule.",
    "429": "Too many requests, or too many items wait: send it again after Retry-After seconds.",
    "4XX": "Any other fault of the request.",
    "5XX": "The gateway, or what it needs, fails: send it again with the same Idempotency-Key.",
}


class ProblemDetails(BaseModel, extra="allow"):
    """What is wrong, with which field and rule, and what to do (RFC 9457)."""

    type: str = Field(examples=["https://agent-flows.invalid/problems/invalid-item"])
    title: str
    status: int
    detail: str
    advice: str | None = None
    field: str | None = Field(None, examples=["lines[0].sku"])
    rule: str | None = Field(None, examples=["duplicate-sku"])
    limit: str | int | None = None


class Accepted(BaseModel):
    """An accepted item: `status` is the path that says what becomes of it."""

    workflow: str = Field(examples=["orders"])
    key: str = Field(examples=["W1763367"])
    status: str = Field(examples=["/v/orders/W1763367"])


@router.get(
    "/openapi.json",
    include_in_schema=False,
    dependencies=[public("the description of the API")],
)
async def read(request: Request) -> Response:
    """The OpenAPI document; it stays the same as long as the process lives."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        text = orjson.dumps(document(request.app))
        state.openapi = text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    text, tag = state.openapi
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)


def document(app: FastAPI) -> dict[str, Any]:
    """The document of the application's routes."""
    found = get_openapi(
        title="agent-flows",
        version=versions().newest,
        description="Items of workflows: submit them, follow them, act on them.",
        routes=app.routes,
        webhooks=webhook_endpoints.events.routes,
    )
    for webhook in found["webhooks"].values():
        webhook["post"]["responses"] = {"2XX": {"description": "The event is taken."}}
    found["paths"] = {
        path: operations
        for path, operations in found["paths"].items()
        if not path.startswith(PAGES)
    }
    components = found.setdefault("components", {})
    models = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        models.pop(name, None)
    for model in (ProblemDetails, Accepted):
        models[model.__name__] = model.model_json_schema()
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, or a JSON Web Token.",
        }
    }
    components["headers"] = _version_headers()
    problem = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemDetails")}}}
    components["responses"] = {
        status: {"description": text, "content": problem} for status, text in PROBLEMS.items()
    }
    rules = dict(_access(app))
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _complete(operation, rules[path, method])
    found["paths"] |= _of_workflows(found["paths"], models)
    return found


def _access(app: FastAPI) -> Iterator[tuple[tuple[str, str], Access]]:
    """The access rule of each path and method."""
    for route in iter_route_contexts(app.routes):
        if route.dependant is None:
            continue
        calls = [one.call for one in route.dependant.dependencies]
        for method in route.methods or ():
            for access in (call for call in calls if isinstance(call, Access)):
                yield (str(route.path_format), method.lower()), access


def _complete(operation: dict[str, Any], access: Access) -> None:
    """Add what every operation has: its problems, credentials and version."""
    needs = "" if access.public else f"Needs the scope {' or '.join(sorted(access.scopes))}. "
    operation["description"] = (
        f"{operation.get('description', '')}\n\n{needs}It concerns {access.objects}."
    ).strip()
    operation["security"] = [] if access.public else [{"key": []}]
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own form of it, which is not sent
    for answer in responses.values():
        answer.setdefault("headers", {}).update(
            {}
            if access.public
            else {name: {"$ref": f"#/components/headers/{name}"} for name in _version_headers()}
        )
    for status in PROBLEMS:
        if status not in {"401", "403"} or not access.public:
            responses[status] = {"$ref": f"#/components/responses/{status}"}
    operation["parameters"] = _parameters(operation.get("parameters", []), access)


def _parameters(declared: list[dict[str, Any]], access: Access) -> list[dict[str, Any]]:
    """What FastAPI has found, with the rules that the gateway has for all parameters."""
    found = [one for one in declared if one["name"].lower() != idempotency.HEADER.lower()]
    for parameter in found:
        if parameter["in"] == "path" and parameter["name"] == "workflow":
            parameter["schema"] = {"type": "string", "enum": list(WORKFLOWS)}
        for schema in (parameter["schema"], *parameter["schema"].get("anyOf", ())):
            if schema.get("type") == "string" and not schema.keys() & {"enum", "pattern", "format"}:
                schema["pattern"] = VISIBLE
    if len(found) < len(declared):
        found.append(_idempotency_parameter())
    return found if access.public else [*found, _version_parameter()]


def _version_parameter() -> dict[str, Any]:
    return {
        "name": HEADER,
        "in": "header",
        "required": False,
        "description": "The version of the API; without it that of the key, or else the newest.",
        "schema": {"type": "string", "enum": list(versions().names)},
    }


def _version_headers() -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    return {
        HEADER: {"description": "The version of the API in force.", "required": True, **text},
        "Deprecation": {"description": "Since when this version is deprecated (RFC 9745).", **text},
        "Sunset": {"description": "When this version may stop working (RFC 8594).", **text},
    }


def _of_workflows(paths: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Paths of their own for each workflow, with its models and examples.

    A path without a parameter stands for itself before one with it, so the general ones go last.
    """
    generic, one = paths.pop(SUBMIT), paths.pop(ITEM)
    found = {}
    for name, scenario in _scenarios():
        body = _model(scenario, models)
        if scenario.validate is not None:
            found[SUBMIT.replace(WORKFLOW, name)] = _submission(name, generic, body)
        found[ITEM.replace(WORKFLOW, name)] = _item(name, one, body)
    rest = [name for name in WORKFLOWS if SUBMIT.replace(WORKFLOW, name) not in found]
    return {**found, SUBMIT: {"get": _of_some(rest, generic["get"])}, ITEM: one}


def _of_some(names: list[str], generic: dict[str, Any]) -> dict[str, Any]:
    """The operation for these workflows, which have no path of their own."""
    operation = deepcopy(generic)
    for parameter in operation["parameters"]:
        if parameter["name"] == "workflow":
            parameter["schema"] = {"type": "string", "enum": names}
    return operation


def _submission(name: str, generic: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The operations on the items of a workflow that takes some."""
    found = {method: _of_workflow(name, operation) for method, operation in generic.items()}
    post = found["post"]
    post["operationId"] = f"submit_{name}".replace("-", "_")
    post["summary"] = f"Submit {name}"
    post["parameters"].append(_idempotency_parameter())
    post["requestBody"] = _request_body(body)
    accepted = {"schema": {"$ref": REFERENCE.format(model="Accepted")}}
    post["responses"]["202"]["content"]["application/json"] = accepted
    return found


def _item(name: str, generic: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The operation on one item of a workflow, with the form of its body."""
    get = _of_workflow(name, generic["get"])
    content = get["responses"]["200"]["content"]["application/json"]
    other = "As an earlier version has it, or without personal data."
    forms = [body, {"type": "object", "description": other}, {"type": "null"}]
    content["schema"] = {"allOf": [content["schema"], {"properties": {"body": {"anyOf": forms}}}]}
    return {"get": get}


def _of_workflow(name: str, generic: dict[str, Any]) -> dict[str, Any]:
    """The operation for one workflow."""
    operation = deepcopy(generic)
    operation["operationId"] += f"_{name}".replace("-", "_")
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "workflow"]
    return operation


def _scenarios() -> Iterator[tuple[str, Scenario]]:
    """The workflows whose packages are installed."""
    for name, workflow in WORKFLOWS.items():
        try:
            yield name, workflow.scenario
        except MissingExtra:
            continue


def _model(scenario: Scenario, models: dict[str, Any]) -> dict[str, Any]:
    """The schema of the workflow's items, as a reference; its models get the workflow's name."""
    prefix = f"{scenario.name}.".replace("-", "_")
    schema = TypeAdapter(scenario.payload).json_schema(
        ref_template=REFERENCE.format(model=prefix + "{model}")
    )
    parts = schema.pop("$defs", {})
    models.update({prefix + part: definition for part, definition in parts.items()})
    models[prefix + "body"] = schema
    return {"$ref": REFERENCE.format(model=prefix + "body")}


def _request_body(body: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": body}}}


def _idempotency_parameter() -> dict[str, Any]:
    return {
        "name": idempotency.HEADER,
        "in": "header",
        "required": False,
        "description": "Any text, such as a UUID: the same request with it gets the same answer.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": idempotency.LONGEST,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
    }

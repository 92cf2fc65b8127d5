"""The schemas of the gateway's routes, each with all that it refers to: parameters, bodies and answers.

What is of one workflow alone is left out: its items have entries of their own.
"""

from collections.abc import Iterator
from typing import Any

from deployments.gateway import openapi
from deployments.gateway.access import Principal
from deployments.gateway.api_versions import HEADER
from deployments.gateway.app import create_app
from flows.workflows import WORKFLOWS

PARAMETERS, BODY, ANSWER = "parameters", "body", "answer"
COMPONENT = "#/components/schemas/"


async def _nobody(_request: Any) -> Principal:
    raise PermissionError


def route_schemas() -> Iterator[tuple[str, Any]]:
    """Names such as "answer/GET /audit 200", with the schema."""
    document = openapi.document(create_app(_nobody))
    models = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        if path.removeprefix("/v/").partition("/")[0] in WORKFLOWS:
            continue
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            for kind, schema in _of_operation(name, operation):
                yield kind, _whole(schema, models)


def _of_operation(name: str, operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    # versions and workflows that go are found by their own entries, see schemas.py
    known = {HEADER, "workflow"}
    parameters = [one for one in operation["parameters"] if one["name"] not in known]
    yield (
        f"{PARAMETERS}/{name}",
        {
            "type": "object",
            "properties": {one["name"]: one["schema"] for one in parameters},
            "required": sorted(one["name"] for one in parameters if one.get("required")),
        },
    )
    sent = operation.get("requestBody", {}).get("content", {})
    for kind, content in sent.items():
        yield f"{BODY}/{name} {kind}", content.get("schema", {})
    for status, answer in operation["responses"].items():
        if status.startswith("2"):  # problems have one form, which no route decides
            content = answer.get("content", {}).get("application/json", {})
            yield f"{ANSWER}/{name} {status}", content.get("schema", {})


def _whole(schema: Any, models: dict[str, Any]) -> Any:
    """The schema with the models that it refers to as its own definitions."""
    definitions: dict[str, Any] = {}
    found = _own(schema, models, definitions)
    return {**found, "$defs": definitions} if definitions else found


def _own(schema: Any, models: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_own(one, models, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix(COMPONENT)
        if name not in definitions:
            definitions[name] = {}  # known before it is looked into: a model may contain itself
            definitions[name] = _own(models[name], models, definitions)
        return {**schema, "$ref": f"#/$defs/{name}"}
    return {key: _own(value, models, definitions) for key, value in schema.items()}

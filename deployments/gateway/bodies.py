"""Bodies of requests: their media types, and JSON by the letter."""

from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import Fault
from agents.services.files.strict_json import StrictJson
from deployments.gateway.problems import Problem

JSON = "application/json"
_READER = StrictJson(DEFAULTS)
UNPROCESSABLE = frozenset({"not-an-object", "field-too-long", "too-many-columns"})
_LIMITS: dict[str, Any] = {
    "too-deep": DEFAULTS.depth,
    "field-too-long": DEFAULTS.field_bytes,
    "too-many-columns": DEFAULTS.columns,
    "integer-range": 2**63 - 1,
}


def media_type(request: Request) -> str:
    """The media type of the body, JSON where there is none. Raises Problem 415 for an encoded body."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem(
            415,
            "encoded-body",
            "the body has a Content-Encoding",
            "send it as it is",
            rule="content-encoding",
            limit="identity",
            headers={"Accept-Encoding": "identity"},
        )
    kind, _, parameters = request.headers.get("content-type", JSON).partition(";")
    name, _, value = parameters.strip().lower().partition("=")
    if name == "charset" and value.strip('" ') not in {"utf-8", "utf8", "us-ascii"}:
        raise Problem(
            415,
            "charset",
            "the body is not in UTF-8",
            "send UTF-8, the encoding of JSON (RFC 8259)",
            rule="charset",
            limit="utf-8",
        )
    return kind.strip().lower()


def unknown_media_type(*known: str) -> Problem:
    """The answer to a media type that a route does not take."""
    listed = " or ".join(known)
    return Problem(
        415,
        "media-type",
        "the body's media type is not known here",
        f"send {listed}",
        field="Content-Type",
        rule="media-type",
        limit=listed,
    )


async def whole_body(request: Request) -> bytes:
    """The body, which `RequestLimits` cuts off at its limits. Raises Problem 400, 408, 413 and 503."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Problem(400, "cut-off", "the body ended before its end", "send it again") from None


def parsed(data: bytes) -> dict[str, object]:
    """The JSON object. Raises Problem 400 for what is not JSON, 422 for JSON that no item can be."""
    found = _READER.parse(data)
    if not isinstance(found, Fault):
        return found
    where = found.field or "the body"
    raise Problem(
        422 if found.rule in UNPROCESSABLE else 400,
        "invalid-item" if found.rule in UNPROCESSABLE else "invalid-json",
        f"{where} {found.text}",
        "send one JSON object in UTF-8 (RFC 8259)",
        field=found.field.encode("unicode_escape").decode("ascii"),
        rule=found.rule,
        limit=_LIMITS.get(found.rule),
    )

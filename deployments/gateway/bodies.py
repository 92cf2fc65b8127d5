"""Bodies of requests: read within limits of size and time, and parsed by the letter."""

import asyncio
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import Fault
from agents.services.files.strict_json import StrictJson
from deployments.gateway.problems import Problem

MOST_BYTES = DEFAULTS.record_bytes  # of one item
SECONDS = 30.0  # for one item to arrive

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
    """The body, cut off at its limits while it arrives. Raises Problem 408 and 413."""
    if _declared(request) > MOST_BYTES:
        raise too_large(MOST_BYTES)
    held = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                held += chunk
                if len(held) > MOST_BYTES:
                    raise too_large(MOST_BYTES)
    except TimeoutError:
        raise too_slow(SECONDS) from None
    except ClientDisconnect:
        raise Problem(400, "cut-off", "the body ended before its end", "send it again") from None
    return bytes(held)


def too_large(limit: int) -> Problem:
    """The answer to a body beyond its limit; the rest of it is not read."""
    return Problem(
        413,
        "too-large",
        f"the body is larger than {limit:,} bytes",
        "send fewer or smaller items",
        rule="too-large",
        limit=limit,
        headers={"Connection": "close"},
    )


def too_slow(limit: float) -> Problem:
    """The answer to a body that does not arrive in time."""
    return Problem(
        408,
        "too-slow",
        f"the body did not arrive within {limit:g} seconds",
        "send it again; what was accepted is recognised",
        rule="too-slow",
        limit=int(limit),
        headers={"Connection": "close"},
    )


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


def _declared(request: Request) -> int:
    """The bytes that the request announces; 0 if it does not say, and it is cut while it arrives."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0

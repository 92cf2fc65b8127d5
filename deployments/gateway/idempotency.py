"""The header Idempotency-Key: a request that is sent again gets its first answer, to the byte.

Source: draft-ietf-httpapi-idempotency-key-header-07, "The Idempotency-Key HTTP Header Field".
"""

import hashlib
import re

from fastapi import Request

from agents.runtime.journal.api_requests import RequestKey
from deployments.gateway.access import Principal
from deployments.gateway.problems import Problem

HEADER = "Idempotency-Key"
LONGEST = 255
_KEY = re.compile(rb"[!-~](?:[ -~]{0,253}[!-~])?")


def key_of(request: Request) -> str | None:
    """The key that the request carries, if it does. Raises Problem 400."""
    found = request.headers.getlist(HEADER)
    if not found:
        return None
    if len(found) > 1 or not _KEY.fullmatch(found[0].encode("latin-1")):
        raise Problem(
            400,
            "idempotency-key",
            f"{HEADER} is not one text of 1 to {LONGEST} visible ASCII characters",
            "send a random key, such as a UUID, and the same one whenever you send the request again",
            field=HEADER,
            rule="pattern",
            limit=LONGEST,
        )
    return found[0]


def request_key(
    request: Request, principal: Principal, version: str, key: str, body: bytes
) -> RequestKey:
    """The key of the caller's tenant, with the fingerprint of what the request asks."""
    return RequestKey(principal.tenant, key, fingerprint(request, version, body))


def fingerprint(request: Request, version: str, body: bytes) -> str:
    """SHA-256 of method, path, the API version that is asked for and the bytes of the body."""
    head = f"{request.method}\n{request.url.path}\n{version}\n"
    return hashlib.sha256(head.encode() + body).hexdigest()


def reused() -> Problem:
    """The answer to a key that was used for another request."""
    return Problem(
        422,
        "key-reused",
        f"the {HEADER} was used for another request",
        "send another request with another key",
        field=HEADER,
        rule="reused",
    )


def in_work() -> Problem:
    """The answer to a key whose first request has no answer yet."""
    return Problem(
        409,
        "in-work",
        f"the first request with this {HEADER} is still in work",
        "send it again later",
        field=HEADER,
        rule="in-work",
        headers={"Retry-After": "1"},
    )

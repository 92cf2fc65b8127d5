"""Problem details: every error of the gateway as application/problem+json.

Source: RFC 9457, "Problem Details for HTTP APIs", 2023.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from agents.runtime.telemetry import get_logger
from agents.workflow.records import InvalidRecord

log = get_logger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MEDIA_TYPE = "application/problem+json"
TYPES = "https://agent-flows.invalid/problems/"  # a name, not an address: nothing is served there


@dataclass(slots=True)
class Problem(Exception):
    """An answer other than success: what is wrong, with which field and rule, and what to do next.

    Args:
        status: HTTP status, 400 to 599.
        kind: Its name in words and hyphens, such as "unknown-item"; the end of the URI `type`.
        detail: What happened, to which item.
        advice: What to do next.
        field: The field that breaks a rule, as a path such as lines[0].sku.
        rule: The rule that it breaks.
        limit: The limit of the rule.
        headers: Headers of the answer, such as Retry-After.
        more: Further members of the answer.

    """

    status: int
    kind: str
    detail: str
    advice: str = ""
    field: str = ""
    rule: str = ""
    limit: str | int | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.detail

    def body(self) -> dict[str, Any]:
        """The members of the answer; those without a value are left out."""
        members = {
            "type": TYPES + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "advice": self.advice,
            "field": self.field,
            "rule": self.rule,
            "limit": self.limit,
            **self.more,
        }
        return {name: value for name, value in members.items() if value not in ("", None)}

    def response(self) -> Response:
        """The answer."""
        return Response(
            orjson.dumps(self.body()),
            self.status,
            headers=dict(self.headers),
            media_type=MEDIA_TYPE,
        )


def invalid_item(error: InvalidRecord) -> Problem:
    """The answer to a body that breaks rules of its workflow."""
    first = error.problems[0]
    listed = [
        {"field": one.field, "rule": one.rule, "limit": one.limit, "message": one.message}
        for one in error.problems
    ]
    return Problem(
        422,
        "invalid-item",
        error.in_short(),
        "correct the fields and send it again",
        field=first.field,
        rule=first.rule,
        limit=first.limit,
        more={"errors": listed},
    )


Page = Callable[[Request, Problem], Response]
"""The page of a problem, for a browser."""
Decide = Callable[[Request], Awaitable[None]]
"""Raises a Problem for a caller who may not send the request."""


def answer_with_problems(app: FastAPI, page: Page, decide: Decide) -> None:
    """Answer every error of the app with problem details, and with a page to browsers.

    `decide` is asked before anything is said about a body.
    """
    app.state.error_page, app.state.decide = page, decide
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def answer(request: Request, problem: Problem) -> Response:
    """The problem as a page if the caller prefers HTML, as a browser does; else as JSON."""
    if "text/html" in request.headers.get("accept", ""):
        page: Page = request.app.state.error_page
        return page(request, problem)
    return problem.response()


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    try:
        await request.app.state.decide(request)
    except Problem as refusal:
        return answer(request, refusal)
    found = [
        {
            "field": ".".join(str(part) for part in one["loc"]),
            "rule": one["type"],
            "message": one["msg"],
        }
        for one in error.errors()
    ]
    first = found[0]
    problem = Problem(
        422,
        "invalid-request",
        f"{first['field']}: {first['message']}",
        "correct the request and send it again",
        field=first["field"],
        rule=first["rule"],
        more={"errors": found},
    )
    return answer(request, problem)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, Problem):  # FastAPI makes a 400 of it where it reads a body
        return answer(request, error.__cause__)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": ", ".join(_methods(request))}
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    detail = error.detail if error.detail != phrase else f"{phrase}: see /openapi.json"
    return answer(request, Problem(error.status_code, kind, detail, headers=error.headers or {}))


def _methods(request: Request) -> list[str]:
    """The methods that the path has; the router itself names those of the first route alone."""
    routes, scope = request.app.router.routes, request.scope
    return [
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("a request failed", path=request.url.path, exc_info=error)
    advice = "send it again with the same Idempotency-Key; nothing that was accepted is lost"
    return answer(request, Problem(500, "internal", "the gateway failed", advice))

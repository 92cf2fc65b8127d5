"""Pages: templates in one layout, under a policy that lets no foreign or inline code run."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import URL
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agents.runtime.clock import clock
from deployments.gateway.access import Principal, Scope
from deployments.gateway.console import assets, formats
from deployments.gateway.problems import Problem
from deployments.gateway.trust.own_forms import csrf_field

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of every page (W3C, CSP Level 3)."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the navigation: its title, its path, and the scopes that open it."""

    title: str
    path: str
    scopes: frozenset[Scope]


READ, OPERATE, ADMIN = (frozenset({scope}) for scope in (Scope.READ, Scope.OPERATE, Scope.ADMIN))
NAVIGATION = (
    Entry("Overview", "/console", READ),
    Entry("Approvals", "/console/approvals", READ),
    Entry("Dead letters", "/console/dead-letters", READ),
    Entry("Items", "/console/items", READ),
    Entry("Conversations", "/console/conversations", READ),
    Entry("Runs", "/console/runs", READ),
    Entry("Resources", "/console/resources", READ),
    Entry("Analyses", "/console/analyses", READ),
    Entry("Versions", "/console/versions", OPERATE),
    Entry("Webhooks", "/console/webhooks", OPERATE),
    Entry("API keys", "/console/keys", ADMIN),
    Entry("Audit log", "/console/audit", ADMIN),
)


def new_id() -> str:
    """An id for a form, by which a second press of its button is known."""
    return uuid4().hex


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("deployments.gateway.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= formats.FILTERS
    made.globals["asset"] = assets.address
    made.globals["csrf_field"] = csrf_field
    made.globals["new_id"] = new_id
    return made


ENVIRONMENT = _environment()


def render(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page from a template of the folder `templates`.

    Templates extend `base.html`, use the filters of `formats`, and get `request`, `principal` (None
    for pages that anybody may see), `navigation` and `now` beside the context.

    Args:
        request: The request that is answered.
        template: The file's name.
        status: HTTP status of the answer.
        context: What the template shows.

    """
    principal: Principal | None = getattr(request.state, "principal", None)
    text = ENVIRONMENT.get_template(template).render(
        request=request,
        principal=principal,
        navigation=_navigation(principal),
        now=clock().time(),
        **context,
    )
    return HTMLResponse(text, status, HEADERS)


def _navigation(principal: Principal | None) -> list[Entry]:
    if principal is None:
        return []
    return [entry for entry in NAVIGATION if entry.scopes & principal.scopes]


def error_page(request: Request, problem: Problem) -> Response:
    """The page of a problem, for a browser; who is not logged in is led to the log-in page."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return _to_log_in(request)
    title = HTTPStatus(problem.status).phrase
    errors = problem.more.get("errors", ())
    shown = {"problem": problem, "title": title, "errors": errors, "back": _page_before(request)}
    page = render(request, "error.html", problem.status, **shown)
    page.headers.update(problem.headers)
    return page


def _page_before(request: Request) -> str:
    """The page of ours with the form that was sent."""
    before = URL(request.headers.get("referer", ""))
    ours = request.method == "POST" and before.netloc == request.url.netloc
    return formats.local(before) if ours else ""


def _to_log_in(request: Request) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = {"next": here} if request.method == "GET" else {}
    return RedirectResponse(f"/login?{urlencode(wanted)}", HTTPStatus.SEE_OTHER, HEADERS)

"""Log-in to the console with an API key, and log-out."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys, console_sessions
from agents.runtime.telemetry import get_logger
from deployments.gateway.access import Scope, allow, public
from deployments.gateway.console.pages import render
from deployments.gateway.trust.closed import is_loopback
from deployments.gateway.trust.credentials import COOKIE, LONGEST
from deployments.gateway.trust.own_forms import require_same_origin
from deployments.gateway.trust.rate_limits import rate_limits

log = get_logger(__name__)

HOME = "/console"
OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")  # no other host, which // and /\ would name
router = APIRouter(include_in_schema=False)


Next = Annotated[str, Query(alias="next", max_length=2_000)]


@router.get("/login", dependencies=[public("the log-in page")])
async def ask(request: Request, following: Next = HOME) -> Response:
    """The log-in page."""
    return _page(request, following)


@router.post("/login", dependencies=[public("a session of the key that the form has")])
async def log_in(
    request: Request,
    key: Annotated[str, Form(max_length=LONGEST)] = "",
    following: Annotated[str, Form(alias="next", max_length=2_000)] = HOME,
) -> Response:
    """Begin a session."""
    require_same_origin(request)
    await rate_limits(request).admit_log_in(request)
    database = runtime().journal.database
    row = await api_keys.verify(database, key.strip())
    if row is None:
        log.warning("a log-in was refused", address=request.client and request.client.host)
        return _page(request, following, "This key is not valid: ask for one that is.")
    answer = RedirectResponse(following if OWN_PATH.fullmatch(following) else HOME, 303)
    answer.set_cookie(
        COOKIE,
        await console_sessions.begin(database, row),
        max_age=int(console_sessions.SECONDS),
        secure=not is_loopback(request.url.hostname or ""),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/logout", dependencies=[allow(*Scope, objects="the caller's own session")])
async def log_out(request: Request) -> Response:
    """End the session."""
    session: str | None = getattr(request.state, "session", None)
    if session is not None:
        await console_sessions.end(runtime().journal.database, session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _page(request: Request, following: str, refused: str = "") -> Response:
    status = 401 if refused else 200
    return render(request, "login.html", status, following=following, refused=refused)

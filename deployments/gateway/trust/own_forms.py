"""Own forms: an act with a session's cookie must come from a page of this gateway.

A browser sends the cookie by itself, so another site could let it act. Three things stop that: the
cookie is SameSite=Strict, the request says from which site it comes, and each form has a token that
only a page of the session can know. Sources: W3C, Fetch Metadata Request Headers; OWASP, Cross-Site
Request Forgery Prevention Cheat Sheet.
"""

import hashlib
import hmac
from urllib.parse import urlsplit

from fastapi import Request
from markupsafe import Markup

from deployments.gateway.problems import Problem

FIELD, HEADER = "csrf", "x-csrf-token"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def csrf_field(request: Request) -> Markup:
    """For templates: the hidden field that each form with method post has; empty without a session."""
    session: str | None = getattr(request.state, "session", None)
    if session is None:
        return Markup()
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, _token(session))


async def require_own_form(request: Request, session: str) -> None:
    """Refuse an act that does not come from a page of this session. Raises Problem 403."""
    if request.method in READING:
        return
    require_same_origin(request)
    given = request.headers.get(HEADER)
    if given is None and request.headers.get("content-type", "").startswith(FORMS):
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not hmac.compare_digest(given.encode(), _token(session).encode()):
        raise Problem(
            403, "foreign-form", "the form is not of this session", "load the page again and repeat"
        )


def require_same_origin(request: Request) -> None:
    """Refuse what a page of another site has sent. Raises Problem 403.

    Programs that send neither header are no browsers, so no other site acts through them.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "").lower()
    if site is not None and site not in {"same-origin", "none"}:
        raise _foreign(site)
    if origin is not None and urlsplit(origin.lower()).netloc != host:
        raise _foreign(origin)


def _foreign(found: str) -> Problem:
    return Problem(403, "foreign-site", f"the request comes from another site: {found[:100]!r}")


def _token(session: str) -> str:
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()

"""The journal's database cannot be reached, or cannot hold a text: callers learn what to do next."""

import sqlite3

from fastapi import FastAPI, Request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from starlette.responses import Response

from agents.runtime.telemetry import get_logger
from deployments.gateway import problems
from deployments.gateway.problems import Problem

log = get_logger(__name__)

# Classes of SQLSTATE: connection exceptions, and a server that stops, crashed or starts.
AWAY_STATES = ("08", "57P")
NO_SUCH_CHARACTER = "22021"  # PostgreSQL cannot hold NUL, which a text of JSON may have
AWAY_SECONDS = 5  # after which a caller may find the journal again


def away() -> Problem:
    """The answer while the journal cannot be reached: what was asked may have happened, or not."""
    return Problem(
        503,
        "journal-away",
        "the journal cannot be reached now, so nobody knows whether this has happened",
        "send it again with the same Idempotency-Key; what was accepted is recognised",
        headers={"Retry-After": str(AWAY_SECONDS)},
    )


def is_away(error: Exception) -> bool:
    """Whether the database, not what was asked of it, is the reason."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, DBAPIError) and state_of(error).startswith(AWAY_STATES):
        return True
    return isinstance(error, OSError | OperationalError | InterfaceError | sqlite3.OperationalError)


def state_of(error: DBAPIError) -> str:
    """The SQLSTATE that PostgreSQL gives; SQLite has none."""
    return getattr(error.orig, "sqlstate", None) or ""


def answer_while_away(app: FastAPI) -> None:
    """Answer requests 503 where the journal cannot be reached."""
    app.add_exception_handler(DBAPIError, _away)
    app.add_exception_handler(OSError, _away)


async def _away(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and state_of(error) == NO_SUCH_CHARACTER:
        detail = "a text has a NUL character, which the journal cannot hold"
        return problems.answer(request, Problem(422, "nul-character", detail, "leave it out"))
    if not is_away(error):
        raise error
    log.error("the journal cannot be reached", path=request.url.path, reason=str(error))
    return problems.answer(request, away())

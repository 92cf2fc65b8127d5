"""Credentials: who sent a request. Missing, unknown, expired and revoked ones get the same answer.

Source: RFC 6750, "Bearer Token Usage", 2012.
"""

import hashlib
from typing import Any

from cachetools import TTLCache
from fastapi import Request
from sqlalchemy import Row

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys, console_sessions
from deployments.gateway.access import Authenticate, Principal, Scope
from deployments.gateway.problems import Problem
from deployments.gateway.trust.own_forms import require_own_form
from deployments.gateway.trust.rate_limits import rate_limits
from deployments.gateway.trust.tokens import Tokens

COOKIE = "agent_flows_session"
CACHED_SECONDS = 2.0  # how long another process may accept a key that was revoked
MOST_CACHED = 10_000
LONGEST = 8_192  # characters of a credential

_verified: TTLCache[bytes, Principal] = TTLCache(MOST_CACHED, CACHED_SECONDS)


def authenticator() -> Authenticate:
    """The authentication of a gateway that serves others; call it where the runtime is open.

    It takes API keys, sessions of the console and, if the settings name an identity provider, its
    JSON Web Tokens.
    """
    used = runtime().settings
    if used.jwt is None:
        return Credentials(None)
    return Credentials(Tokens(used.jwt, used.data / "jwks", frozenset(used.fetch_allowed)))


class Credentials:
    """Who sent a request."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    async def __call__(self, request: Request) -> Principal:
        """The caller. Raises Problem 401, 403 for a form of another site, and 429."""
        principal = await self._caller(request)
        await rate_limits(request).admit(request, principal)
        return principal

    async def _caller(self, request: Request) -> Principal:
        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        if not kind:
            return await by_session(request)
        if kind.lower() != "bearer" or not 0 < len(credential) <= LONGEST:
            raise refused("the credentials are not a bearer token")
        principal = await self._bearer(credential.strip())
        if principal is None:
            raise refused("the credentials are not valid")
        return principal

    async def _bearer(self, credential: str) -> Principal | None:
        if api_keys.is_key(credential):
            return await by_key(credential)
        return None if self._tokens is None else await self._tokens.principal(credential)


async def by_key(text: str) -> Principal | None:
    """The holder of an API key; None for a key that is not in use."""
    name = hashlib.sha256(text.encode(errors="replace")).digest()  # the cache holds no secret
    found = _verified.get(name)
    if found is None:
        row = await api_keys.verify(runtime().journal.database, text)
        if row is None:
            return None
        found = _verified[name] = holder(row)
    return found


async def by_session(request: Request) -> Principal:
    """The holder of the key that a session of the console began with. Raises Problem 401 or 403."""
    session = request.cookies.get(COOKIE)
    if not session:
        raise refused("there are no credentials", error="")
    row = await console_sessions.key_of(runtime().journal.database, session)
    if row is None:
        raise refused("the session has ended")
    request.state.session = session
    await require_own_form(request, session)
    return holder(row)


def holder(row: Row[Any]) -> Principal:
    """The principal of a key's row; scopes that this release does not know open nothing."""
    known = frozenset(Scope) & set(row.scopes.split())
    return Principal(row.name, row.tenant, known, row.id, row.version, row.customer)


def forget(key: str) -> None:
    """Ask the journal at the next use of a key that was revoked or rotated."""
    for name in [name for name, found in _verified.items() if found.key == key]:
        del _verified[name]


def refused(detail: str, error: str = "invalid_token") -> Problem:
    """The answer to a caller that nobody knows; `error` is the code of RFC 6750."""
    challenge = 'Bearer realm="agent-flows"' + (f', error="{error}"' if error else "")
    return Problem(
        401,
        "not-authenticated",
        detail,
        "send an API key: Authorization: Bearer afk_...",
        headers={"WWW-Authenticate": challenge},
    )

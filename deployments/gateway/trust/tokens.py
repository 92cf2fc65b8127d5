"""JSON Web Tokens: callers that an identity provider knows.

Source: RFC 8725, "JSON Web Token Best Current Practices", 2020.
"""

import re
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from agents.runtime.settings import TENANT, JwtSettings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.problems import Problem
from deployments.gateway.trust.key_sets import KeysUnavailable, PublicKeys

LEEWAY = 30  # seconds by which the clocks of issuer and gateway may differ
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
TYPES = {None, "JWT", "at+jwt", "application/at+jwt"}  # an identity token for a page is none


class Tokens:
    """Verifies the tokens of one issuer.

    Args:
        settings: Who issues them, for whom, and which claims say what.
        store: Folder for what is fetched.
        allowed: "host:port" pairs of the own network that may be fetched from.

    """

    def __init__(self, settings: JwtSettings, store: Path, allowed: frozenset[str]) -> None:
        self._settings = settings
        self._keys = PublicKeys(settings.keys, store, allowed)
        self._signatures = jws.JWSRegistry(
            algorithms=list(settings.algorithms), strict_check_header=False
        )
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def principal(self, text: str) -> Principal | None:
        """The holder of a token; None if it is not valid here. Raises Problem 503."""
        try:
            claims = await self._verified(text)
        except KeysUnavailable as error:
            raise Problem(
                503,
                "keys-unavailable",
                str(error),
                "send the request again later, or use an API key",
                headers={"Retry-After": "30"},
            ) from error
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError):
            return None
        return None if claims is None else self._holder(claims)

    async def _verified(self, text: str) -> dict[str, Any] | None:
        """The claims of a token. Raises JoseError and ValueError for one that is not valid."""
        header = _header(text)
        if header.get("typ") not in TYPES or header.get("alg") not in self._settings.algorithms:
            return None
        kid = header.get("kid")
        if kid is not None and not isinstance(kid, str):
            return None
        key = await self._keys.find(kid)
        if key is None:
            return None
        token = jwt.decode(text, key, registry=self._signatures)
        self._claims.validate(token.claims)
        return token.claims

    def _holder(self, claims: dict[str, Any]) -> Principal | None:
        names = self._settings
        tenant, customer = claims.get(names.tenant_claim), claims.get(names.customer_claim, "")
        if not isinstance(tenant, str) or not re.fullmatch(TENANT, tenant):
            return None
        if not isinstance(customer, str) or not NAME.fullmatch(claims["sub"]):
            return None
        given = claims.get(names.scopes_claim, "")
        words = given.split() if isinstance(given, str) else given
        if not isinstance(words, list):
            return None
        scopes = frozenset(scope for scope in Scope if scope in words)
        return Principal(claims["sub"], tenant, scopes, user=customer)


def _header(text: str) -> dict[str, Any]:
    """What a token says of itself, before anything of it is believed. Raises ValueError."""
    first, *rest = text.encode("ascii").split(b".")
    found = orjson.loads(urlsafe_b64decode(first))
    if len(rest) != 2 or not isinstance(found, dict):
        raise ValueError
    return found

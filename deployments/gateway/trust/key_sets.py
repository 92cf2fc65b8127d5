"""The public keys of a token issuer, from a file or a URL, kept and fetched again when a key is new.

Source: RFC 7517, "JSON Web Key (JWK)", 2015.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from agents.runtime.errors import AgentError
from agents.runtime.telemetry import get_logger
from agents.services.fetching.fetcher import Caps, Fetcher

log = get_logger(__name__)

FRESH_SECONDS = 600.0  # how long a key that the issuer has withdrawn is still accepted
STALE_SECONDS = 86_400.0  # how long the keys are used while their source cannot be read
PAUSE_SECONDS = 30.0  # between two reads: tokens with invented key ids cost the issuer no more
MOST_BYTES = 1 << 20
CAPS = Caps(bytes=MOST_BYTES, seconds=5.0, connect=2.0, read=3.0)
ASYMMETRIC = ("RSA", "EC", "OKP")


class KeysUnavailable(AgentError):
    """The issuer's keys cannot be read, and none are kept."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source

    def __str__(self) -> str:
        return f"the keys of the token issuer cannot be read from {self.source}"


class PublicKeys:
    """The keys at a source, the path of a file or an https URL.

    Args:
        source: The file or the URL.
        store: Folder for what is fetched.
        allowed: "host:port" pairs of the own network that may be fetched from.

    """

    def __init__(self, source: str, store: Path, allowed: frozenset[str]) -> None:
        self.source, self._store, self._allowed = source, store, allowed
        self._keys: list[Key] = []
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, kid: str | None) -> Key | None:
        """The key of this id, or the only key if a token names none. Raises KeysUnavailable."""
        found = self._known(kid)
        if found is None or self._age() > FRESH_SECONDS:
            async with self._reading:
                if time.monotonic() - self._tried_at > PAUSE_SECONDS:
                    await self._read()
            found = self._known(kid)
        if not self._keys or self._age() > STALE_SECONDS:
            raise KeysUnavailable(self.source)
        return found

    def _known(self, kid: str | None) -> Key | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    async def _read(self) -> None:
        self._tried_at = time.monotonic()
        try:
            self._keys = _public(await self._text())
        except (AgentError, OSError, JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("the issuer's keys cannot be read", source=self.source, error=repr(error))
        else:
            self._read_at = time.monotonic()

    async def _text(self) -> bytes:
        if not self.source.startswith(("https:", "http:")):
            return await asyncio.to_thread(Path(self.source).read_bytes)
        async with Fetcher(self._store, self._allowed, caps=CAPS) as fetcher:
            fetched = await fetcher.fetch(self.source)
        document = self._store / fetched.sha256
        try:
            return await asyncio.to_thread(document.read_bytes)
        finally:
            document.unlink(missing_ok=True)


def _public(text: bytes) -> list[Key]:
    """The keys that can verify and not sign: a secret in the set would let its readers make tokens."""
    found: Any = orjson.loads(text)
    known = [key for key in found["keys"] if key.get("kty") in ASYMMETRIC]
    return list(KeySet.import_key_set({"keys": known}))

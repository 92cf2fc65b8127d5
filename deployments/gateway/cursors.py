"""Cursors: where the next page of a list begins, as a text that only this installation can make.

A cursor is of one tenant and one filter. It is signed, so that nobody sends positions of their own.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import orjson
from fastapi import Request

from agents.runtime.context import runtime
from agents.runtime.journal.gateway_secrets import shared_secret
from agents.runtime.journal.item_lists import Position
from deployments.gateway.problems import Problem

MAC_BYTES = 16
LONGEST = 2_000  # characters; a key may have some hundred


@dataclass(frozen=True, slots=True)
class Cursors:
    """Signs and reads cursors of one list; `of` says of which tenant and filter."""

    secret: bytes
    of: str

    def sign(self, position: Position | None) -> str | None:
        """The cursor of a position; None after the last page."""
        if position is None:
            return None
        text = orjson.dumps(position)
        return urlsafe_b64encode(self._mac(text) + text).decode().rstrip("=")

    def read(self, cursor: str | None) -> Position | None:
        """The position of a cursor; None for the first page. Raises Problem 422."""
        if cursor is None:
            return None
        padded = cursor + "=" * (-len(cursor) % 4)
        try:
            signed = urlsafe_b64decode(padded.encode("ascii"))
        except ValueError:
            signed = b""
        text = signed[MAC_BYTES:]
        if not hmac.compare_digest(signed[:MAC_BYTES], self._mac(text)):
            raise Problem(
                422,
                "unknown-cursor",
                "the cursor is not of this list",
                "send `next` of the page before as it is, with the same filter",
                field="cursor",
                rule="unknown-cursor",
            )
        return tuple(orjson.loads(text))

    def _mac(self, text: bytes) -> bytes:
        signed = self.of.encode() + b"\n" + text
        return hmac.new(self.secret, signed, hashlib.sha256).digest()[:MAC_BYTES]


async def cursors(request: Request, *of: str) -> Cursors:
    """The cursors of one list; all gateways of the journal share them."""
    state = request.app.state
    if not hasattr(state, "cursor_secret"):
        state.cursor_secret = await shared_secret(runtime().journal.database, "cursors")
    return Cursors(state.cursor_secret, "\n".join(of))

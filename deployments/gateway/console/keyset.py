"""Where the next page of a list begins, as one parameter of its address."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import orjson

from deployments.gateway.problems import Problem

Position = tuple[float | str | int, ...]
MOST = 4_096  # characters


def pack(position: Position | None) -> str:
    """The position as a parameter; empty if there is no further page."""
    return "" if position is None else urlsafe_b64encode(orjson.dumps(position)).decode()


def unpack(text: str, kinds: Sequence[type]) -> Position | None:
    """The position from a parameter, with values of these kinds. Raises Problem 400."""
    if not text:
        return None
    try:
        found = orjson.loads(urlsafe_b64decode(text[:MOST].encode()))
    except ValueError:
        raise _unknown_page() from None
    if not isinstance(found, list) or len(found) != len(kinds):
        raise _unknown_page()
    if not all(_is(value, kind) for value, kind in zip(found, kinds, strict=True)):
        raise _unknown_page()
    return tuple(found)


def _is(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, kind)


def _unknown_page() -> Problem:
    return Problem(400, "unknown-page", "this is no page of the list", "go to its first page")

"""JSON documents that wrap their rows: the rows as they are written, the next page, and the promised number.

The rows are cut out of the text and not written again, so that no number changes.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from agents.analysis.collecting.declared import Collecting
from agents.services.files.outcomes import SourceError

MOST_BYTES = 16 << 20  # of one page, which is in memory as a whole
BLANK = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a page holds: `items` is a JSON array, `rows` its length; no `following` page is ""."""

    items: bytes
    rows: int
    following: str
    total: int | None


def opened(content: bytes, url: str, collect: Collecting) -> Envelope:
    """The page at `url`, taken apart by the paths of the contract. Raises SourceError."""
    if len(content) > MOST_BYTES:
        raise SourceError(
            "too-large", f"a page with {collect.items} has more than {MOST_BYTES:,} bytes", url
        )
    try:
        text = content.decode("utf-8-sig")
        document, _ = _decode(text, _blank(text, 0))
        items, written = _located(text, collect.items)
        total, _ = _located(text, collect.total) if collect.total else (None, "")
        parameter, _, path = collect.next.rpartition("=")
        following, _ = _located(text, path) if path else (None, "")
    except (ValueError, IndexError, RecursionError) as error:
        raise SourceError("envelope", f"the page is not JSON: {str(error)[:200]}", url) from None
    if not isinstance(items, list):
        fields = ", ".join(document)[:200] if isinstance(document, dict) else "none"
        raise SourceError(
            "envelope", f"there are no rows at {collect.items}; its fields are {fields}", url
        )
    if total is not None and (not isinstance(total, int) or isinstance(total, bool)):
        raise SourceError("envelope", f"{collect.total} is not a number of rows", url)
    return Envelope(written.encode(), len(items), _url_of(following, url, parameter, path), total)


def _url_of(following: Any, url: str, parameter: str, path: str) -> str:
    if not following:
        return ""
    if parameter and isinstance(following, str | int) and following is not True:
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True)
        others = [pair for pair in given if pair[0] != parameter]
        query = urlencode([*others, (parameter, str(following))])
        return urlunsplit(parts._replace(query=query))
    if not isinstance(following, str):
        what = "value for a parameter" if parameter else "URL"
        raise SourceError("envelope", f"{path} is not a {what}", url)
    return urljoin(url, following)


def _located(text: str, path: str) -> tuple[Any, str]:
    """The value at the path, and as it is written; None if it is not there."""
    at = _blank(text, 0)
    for name in path.split("."):
        found = _member(text, at, name)
        if found is None:
            return None, ""
        at = found
    value, end = _decode(text, at)
    return value, text[at:end]


def _member(text: str, at: int, name: str) -> int | None:
    """Where the value of that name begins in the object at `at`."""
    if text[at] != "{":
        return None
    found, at = None, _blank(text, at + 1)
    while text[at] == '"':
        key, at = _decode(text, at)
        at = _blank(text, _blank(text, at) + 1)  # behind the colon
        if key == name:
            if found is not None:
                raise ValueError(f"two fields are named {name!r}")
            found = at
        _, at = _decode(text, at)
        at = _blank(text, at)
        if text[at] == ",":
            at = _blank(text, at + 1)
    return found


def _blank(text: str, at: int) -> int:
    match = BLANK.match(text, at)
    assert match is not None
    return match.end()

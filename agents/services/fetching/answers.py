"""What the headers of an answer say about its document."""

from collections.abc import Mapping
from email.message import Message
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx

from agents.services.fetching.remembered import Fetched

SETTLED_SECONDS = 1.0  # what Last-Modified can tell apart


def described(url: str, response: httpx.Response, digest: str, size: int) -> Fetched:
    """The document with this digest and size in bytes, as the answer from `url` describes it."""
    headers = response.headers
    following = response.links.get("next", {}).get("url", "")
    return Fetched(
        digest,
        size,
        headers.get("ETag", ""),
        _modified(headers),
        urljoin(url, following) if following else "",
        headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        _filename(headers.get("Content-Disposition", "")),
    )


def _modified(headers: Mapping[str, str]) -> str:
    """Last-Modified; empty if the document may have changed again in the same second.

    Source: RFC 9110, section 8.8.2.2.
    """
    modified, sent = headers.get("Last-Modified", ""), headers.get("Date", "")
    if not modified or not sent:
        return modified
    try:
        age = parsedate_to_datetime(sent) - parsedate_to_datetime(modified)
        return modified if age.total_seconds() >= SETTLED_SECONDS else ""
    except (ValueError, TypeError):
        return ""


def _filename(disposition: str) -> str:
    message = Message()
    message["Content-Disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    return (message.get_filename() or "")[:255]

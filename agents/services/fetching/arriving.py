"""A document that arrives in several answers: after a broken connection, the host is asked for the rest.

Only a strong ETag tells that the rest is of the same document. Source: RFC 9110, sections 13.1.5, 14 and 15.3.7.
"""

import re
from pathlib import Path
from typing import Self

import httpx

from agents.runtime.errors import TransientError
from agents.services.fetching.digests import Promised
from agents.services.fetching.download import Download
from agents.services.fetching.encodings import Unpacking

RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
PARTS = {206, 416}  # the rest, or no such part


class Arriving:
    """The bytes so far, and the answer that they began with."""

    def __init__(self, store: Path) -> None:
        self._store, self.download = store, Download(store)
        self.first: httpx.Response | None = None
        self._received, self._url = 0, ""
        self._promised, self._unpacking = Promised({}), Unpacking("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.download.__exit__()

    def condition(self, url: str) -> dict[str, str]:
        """The headers that ask for the rest; none if the host must send the whole."""
        if self.first is None or not self._received or url != self._url:
            return {}
        etag = self.first.headers.get("ETag", "")
        if not etag.startswith('"'):
            return {}
        return {"Range": f"bytes={self._received}-", "If-Range": etag}

    def answered(self, url: str, response: httpx.Response) -> None:
        """Go on with the rest, or begin with a whole document.

        Raises UnreadableCoding, and TransientError for a rest that does not fit: then the whole is asked for.
        """
        if response.status_code in PARTS:
            self._require_rest(response)
            return
        self._forget()
        self.first, self._url = response, url
        self._promised = Promised(response.headers)
        self._unpacking = Unpacking(response.headers.get("Content-Encoding", ""))

    def take(self, chunk: bytes) -> None:
        """Add the next bytes, as sent. Raises UnreadableCoding."""
        self._received += len(chunk)
        self._promised.take(chunk)
        for piece in self._unpacking.take(chunk):
            self.download.take(piece)

    def require_whole(self) -> None:
        """Raise TransientError if the bytes are not the whole document, or other ones than promised."""
        try:
            self._unpacking.require_end()
            self._promised.require()
        except TransientError:
            self._forget()  # what is wrong already does not become right by a rest
            raise

    def _require_rest(self, response: httpx.Response) -> None:
        match = RANGE.fullmatch(response.headers.get("Content-Range", ""))
        begin, end, total = match.groups() if match else ("", "", "")
        fits = begin == str(self._received) and total in {"*", str(int(end or 0) + 1)}
        etag = response.headers.get("ETag")
        if not fits or self.first is None or etag not in {None, self.first.headers.get("ETag")}:
            self._forget()
            raise TransientError("the host sends another part than it was asked for")

    def _forget(self) -> None:
        self.download.__exit__()
        self.download = Download(self._store)
        self.first, self._received = None, 0

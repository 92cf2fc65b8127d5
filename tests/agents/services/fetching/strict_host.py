"""A host on this machine that keeps to HTTP's rules on conditional requests, and breaks what it is told to break.

Source of the rules: RFC 9110, sections 8.6, 8.8, 9.3.2 and 13.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODIFIED = "Wed, 01 Jan 2025 10:00:00 GMT"


@dataclass
class Served:
    """A document and how it is served.

    `head` is the status of HEAD. With `ranges`, the rest of the document is sent where it is asked for. After
    `cut` bytes of the body the connection ends; `holds` keeps them back until it is set. `refusals` are statuses of
    the first answers, with their headers.
    """

    content: bytes
    etag: str = ""
    modified: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    head: int = 200
    status: int = 200
    cut: int | None = None
    chunked: bool = False
    ranges: bool = False
    holds: threading.Event | None = None
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def is_known(self, given: Callable[[str], str | None]) -> bool:
        """Whether the conditions of the request say that the asker has this document."""
        if (tags := given("If-None-Match")) is not None:
            weak = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
            return bool(self.etag) and self.etag.removeprefix("W/") in weak
        since = given("If-Modified-Since")
        if not self.modified or since is None:
            return False
        return parsedate_to_datetime(self.modified) <= parsedate_to_datetime(since)


class Host(ThreadingHTTPServer):
    """Serves `documents` by path and query; `answers` counts what it answered by method, path and status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.documents: dict[str, Served] = {}
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.given: list[dict[str, str]] = []

    @property
    def host(self) -> str:
        """Host and port, to be allowed in a fetcher."""
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path: str) -> str:
        """The URL of a path, which begins with a slash."""
        return f"http://{self.host}{path}"

    def bodies(self) -> int:
        """How many documents it has sent as a whole."""
        return sum(
            n for (method, _, status), n in self.answers.items() if (method, status) == ("GET", 200)
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no error of the host."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.given.append(dict(self.headers))
        served = self.server.documents.get(self.path)
        if served is None:
            return self._send(404, {}, Served(b""))
        if served.refusals:
            return self._send(*served.refusals.pop(0), Served(b""))
        if self.command == "HEAD" and served.head != 200:
            return self._send(served.head, {}, Served(b""))
        validators = {"ETag": served.etag, "Last-Modified": served.modified}
        headers = {name: value for name, value in validators.items() if value} | served.headers
        if served.is_known(self.headers.get):
            return self._send(304, headers, None)
        if served.ranges and self.headers.get("If-Range") == served.etag:
            begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            end = len(served.content)
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{end}"
            return self._send(
                206, headers, replace(served, content=served.content[begin:], cut=None)
            )
        status = served.status if self.command == "GET" else served.head
        return self._send(status, headers, served)

    def _send(self, status: int, headers: dict[str, str], served: Served | None) -> None:
        self.server.answers[self.command, self.path, status] += 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if served is not None:
            length = {"Transfer-Encoding": "chunked"} if served.chunked else {}
            length = length or {"Content-Length": str(len(served.content))}
            for name, value in length.items():
                self.send_header(name, value)
        self.end_headers()
        if served is not None and self.command == "GET":
            self._send_body(served)

    def _send_body(self, served: Served) -> None:
        content = served.content[: served.cut]
        half = len(content) // 2
        for number, piece in enumerate((content[:half], content[half:])):
            if number and served.holds is not None:
                served.holds.wait(10)
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if served.chunked else piece)
        if served.cut is not None:
            self.close_connection = True
        elif served.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@contextmanager
def hosting() -> Iterator[Host]:
    """A host within the block."""
    with Host() as host:
        thread = threading.Thread(
            target=host.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        try:
            yield host
        finally:
            host.shutdown()
            thread.join()

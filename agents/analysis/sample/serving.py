"""A file server for the sample and for tests, with ETag, HEAD, next pages and scripted faults."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Fault = tuple[int, dict[str, str]]


class Server(ThreadingHTTPServer):
    """Serves the files of a folder on a free port of 127.0.0.1.

    `fault` gets the path and the number of earlier requests for it, and returns a status and headers to
    answer instead, or None. `asked` counts requests by method and path. `following` has the next page
    of a path. A `silent` server sends no ETag.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked: Counter[tuple[str, str]] = Counter()
        self.fault: Callable[[str, int], Fault | None] = lambda _path, _times: None
        self.following: dict[str, str] = {}
        self.silent = False

    @property
    def host(self) -> str:
        """Host and port, to be allowed in a fetcher."""
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path: Path) -> str:
        """The URL of a file of the folder."""
        return f"http://{self.host}/{path.name}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        name = self.path.lstrip("/").partition("?")[0]
        before = self.server.asked[self.command, name]
        self.server.asked[self.command, name] += 1
        if (fault := self.server.fault(name, before)) is not None:
            self._send(fault[0], fault[1], b"", body=body)
            return
        path = self.server.folder / name
        if "/" in name or not path.is_file():
            self._send(404, {}, b"", body=body)
            return
        content = path.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {} if self.server.silent else {"ETag": etag}
        if name in self.server.following:
            headers["Link"] = f'<{self.server.following[name]}>; rel="next"'
        self._send(200, headers, content, body=body)

    def _send(self, status: int, headers: dict[str, str], content: bytes, *, body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve the folder within the block."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

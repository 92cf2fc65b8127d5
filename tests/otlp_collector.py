"""A collector of traces on a port of its own: takes OTLP over HTTP as real ones do, and keeps the spans."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Collected:
    """A span as it arrived. Links are (trace, span) with what was waited for."""

    name: str
    trace: str
    span: str
    parent: str
    scope: str
    version: str
    attributes: dict[str, Any]
    links: tuple[tuple[str, str, str], ...]
    begun: int
    ended: int
    failed: bool


@dataclass(slots=True)
class Collector:
    """What has arrived, and how requests are answered: with `status`, after `delay` seconds."""

    spans: list[Collected] = field(default_factory=list)
    status: int = 200
    delay: float = 0.0
    requests: int = 0
    endpoint: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def by_trace(self) -> dict[str, list[Collected]]:
        """The spans of each trace."""
        found: dict[str, list[Collected]] = {}
        for span in list(self.spans):
            found.setdefault(span.trace, []).append(span)
        return found

    def named(self, name: str) -> list[Collected]:
        """The spans of this name."""
        return [span for span in list(self.spans) if span.name == name]

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        self.requests += 1
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scoped in resource.scope_spans:
                self.spans += [_collected(span, scoped.scope) for span in scoped.spans]


def _collected(span: Any, scope: Any) -> Collected:
    links = tuple(
        (link.trace_id.hex(), link.span_id.hex(), _values(link).get("agent_flows.waited_for", ""))
        for link in span.links
    )
    return Collected(
        *(span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()),
        *(scope.name, scope.version, _values(span), links),
        *(span.start_time_unix_nano, span.end_time_unix_nano, span.status.code == 2),
    )


def _values(owner: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in owner.attributes}


class Discarding(Collector):
    """Takes what comes without reading it, so that it takes no processor time from what is measured."""

    def take(self, body: bytes) -> None:
        """Count the request."""
        self.requests += 1


@contextmanager
def collecting(kind: type[Collector] = Collector) -> Iterator[Collector]:
    """A collector that answers until the block ends."""
    collector = kind()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.released.wait(collector.delay)
            if collector.status == 200:
                collector.take(body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":  # a process of its own, until its input ends, which keeps nothing
    with collecting(Discarding) as started:
        sys.stdout.write(f"{started.endpoint}\n")
        sys.stdout.flush()
        sys.stdin.read()

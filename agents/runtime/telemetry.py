"""Structured logs that carry item and trace id; starts the server of metrics."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import cache
from pathlib import Path
from typing import NamedTuple

import structlog
from structlog.typing import EventDict

from agents.runtime.log_file import LogFile
from agents.runtime.metrics_server import MOST_PORTS, serve_metrics
from agents.runtime.redaction import redact_event
from agents.runtime.settings import Settings
from agents.runtime.trace_context import TraceContext, new_span


class Work(NamedTuple):
    """What the current task works on: an item or message by its key, its trace, and whose it is.

    `within` is the span that its calls belong to, if it is known.
    """

    key: str | None = None
    trace: str = "0" * 32
    within: TraceContext | None = None
    tenant: str = ""
    scenario: str = ""

    @property
    def known_trace(self) -> str:
        """The trace id; empty if there is none."""
        return self.trace if self.key is not None or self.within is not None else ""


_NO_WORK = Work()
_work: ContextVar[Work] = ContextVar("work", default=_NO_WORK)


def enter(work: Work) -> None:
    """Bind the work to every log line and outgoing call of this task."""
    _work.set(work)


@contextmanager
def within(span: TraceContext) -> Iterator[None]:
    """Let the calls of the block belong to this span."""
    before = enter_span(span)
    try:
        yield
    finally:
        leave_span(before)


def enter_span(span: TraceContext) -> Token[Work]:
    """Let calls belong to this span, until `leave_span` gets what this returns."""
    key, trace, _, tenant, scenario = _work.get()
    return _work.set(Work(key, span.trace if key is None else trace, span, tenant, scenario))


def leave_span(before: Token[Work]) -> None:
    """Let calls belong to what they belonged to before `enter_span`."""
    _work.reset(before)


def current_work() -> Work:
    """What this task works on."""
    return _work.get()


def traceparent() -> str:
    """The W3C traceparent header of the current work; with a new span id, unless its span is known."""
    work = _work.get()
    return work.within.header if work.within else f"00-{work.trace}-{new_span()}-01"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The structured logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _add_work(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add item, trace, tenant and scenario; done here, so that it costs nothing for lines not written."""
    work = _work.get()
    known: dict[str, str] = {} if work.key is None else {"item": work.key}
    if work.known_trace:
        known["trace"] = work.trace
    if work.scenario:
        known |= {"tenant": work.tenant, "scenario": work.scenario}
    return {**known, **event}


MEGABYTE = 1_000_000
LOGGED = ("agents", "flows", "deployments")  # loggers whose lines are in the log file


def log_is_written() -> bool:
    """Whether `start_telemetry` has opened a log and every line could be written."""
    handlers = [one for one in logging.getLogger("agents").handlers if isinstance(one, LogFile)]
    return bool(handlers) and not any(one.failed for one in handlers)


@cache
def start_telemetry(settings: Settings) -> None:
    """Write logs as JSON lines to <data>/agent-flows.log and serve metrics if a port is set.

    Raises DataFolderError.
    """
    handler = LogFile.of(settings.data, settings.log_megabytes * MEGABYTE, settings.log_files)
    for logger in map(logging.getLogger, LOGGED):
        logger.addHandler(handler)
        logger.setLevel(settings.log_level)
        logger.propagate = False
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_work,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    if settings.metrics_port is not None:
        _serve_metrics(settings.metrics_port, settings.data, str(settings.metrics_host))


def _serve_metrics(port: int, data: Path, host: str) -> None:
    """Serve metrics if that is possible; business does not depend on it."""
    log = get_logger(__name__)
    try:
        served = serve_metrics(port, data, host)
    except OSError as error:
        log.warning("metrics are not served", host=host, port=port, reason=str(error))
        return
    if served is None:
        log.warning("metrics are not served: all ports are in use", first=port, count=MOST_PORTS)
    else:
        log.info("metrics are served", port=served)

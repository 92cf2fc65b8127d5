"""Structured logs that carry item and trace id; starts the server of metrics."""

import logging
import secrets
import sys
import tempfile
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import structlog
from structlog.typing import EventDict

from agents.runtime.errors import DataFolderError
from agents.runtime.metrics_server import MOST_PORTS, serve_metrics
from agents.runtime.redaction import redact_event
from agents.runtime.settings import Settings

_item: ContextVar[tuple[str | None, str]] = ContextVar("item", default=(None, "0" * 32))


def new_trace() -> str:
    """A new W3C trace id, 32 hex digits."""
    return secrets.token_hex(16)


def enter_item(key: str, trace: str) -> None:
    """Bind item and trace id to every log line and outgoing call of this task."""
    _item.set((key, trace))


def current_trace() -> str:
    """The trace id of the item in work; empty if there is none."""
    key, trace = _item.get()
    return trace if key is not None else ""


def traceparent() -> str:
    """The W3C traceparent header of the current item, with a new span id each time."""
    return f"00-{_item.get()[1]}-{secrets.token_hex(8)}-01"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The structured logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _add_item(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add item and trace id to a line; done here, so that it costs nothing for lines not written."""
    key, trace = _item.get()
    return event if key is None else {"item": key, "trace": trace, **event}


LOGGED = ("agents", "flows", "deployments")  # loggers whose lines are in the log file


class _LogFile(logging.FileHandler):
    """A log file that says once that it cannot be written, such as on a full disk."""

    @classmethod
    def of(cls, folder: Path) -> "_LogFile":
        """The log of a data folder, which is made if necessary. Raises DataFolderError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass  # a folder may be read-only although its log is writable
            return cls(folder / "agent-flows.log", encoding="utf-8")
        except FileExistsError:
            raise DataFolderError(str(folder), "it is not a folder") from None
        except OSError as error:
            raise DataFolderError(str(folder), error.strerror or str(error)) from None

    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(path, encoding=encoding)
        self.failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - of logging
        """Write one line for the first problem, instead of a stack trace for each record."""
        if not self.failed:
            self.failed = True
            problem = sys.exc_info()[1]
            with suppress(OSError):
                sys.stderr.write(f"warning: {self.baseFilename} cannot be written: {problem}\n")

    def close(self) -> None:
        """Close the file, although what is left may not fit on its disk."""
        with suppress(OSError):
            super().close()


def log_is_written() -> bool:
    """Whether `start_telemetry` has opened a log and every line could be written."""
    handlers = [one for one in logging.getLogger("agents").handlers if isinstance(one, _LogFile)]
    return bool(handlers) and not any(one.failed for one in handlers)


@cache
def start_telemetry(settings: Settings) -> None:
    """Write logs as JSON lines to <data>/agent-flows.log and serve metrics if a port is set.

    Raises DataFolderError.
    """
    handler = _LogFile.of(settings.data)
    for logger in map(logging.getLogger, LOGGED):
        logger.addHandler(handler)
        logger.setLevel(settings.log_level)
        logger.propagate = False
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_item,
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
        _serve_metrics(settings.metrics_port, settings.data)


def _serve_metrics(port: int, data: Path) -> None:
    """Serve metrics if that is possible; business does not depend on it."""
    log = get_logger(__name__)
    try:
        served = serve_metrics(port, data)
    except OSError as error:
        log.warning("metrics are not served", port=port, reason=str(error))
        return
    if served is None:
        log.warning("metrics are not served: all ports are in use", first=port, count=MOST_PORTS)
    else:
        log.info("metrics are served", port=served)

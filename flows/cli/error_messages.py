"""What a command says when it fails: what happened, to which item, and what to do next."""

from collections.abc import Mapping
from errno import EDQUOT, ENOSPC
from typing import Any

from prefect.settings import PREFECT_API_URL
from sqlalchemy.exc import SQLAlchemyError

from agents.runtime.command_line import FAILED, place_of
from agents.runtime.context import LEFT
from agents.runtime.errors import AgentError, IllegalTransition
from agents.runtime.journal.operator_actions import UnknownItem
from agents.runtime.redis.client import RedisUnavailable
from agents.runtime.settings import PREFIX, settings
from agents.runtime.telemetry import get_logger, log_is_written
from agents.workflow.exit_status import status_of
from flows.cli.next_steps import instead

LOG_FILE = "agent-flows.log"


class NotConfirmed(AgentError):
    """A person must confirm what a flow would do: by its parameter `option`, or when asked.

    `question` says what would happen.
    """

    def __init__(self, question: str, option: str) -> None:
        super().__init__(question, option)
        self.question, self.option = question, option

    def __str__(self) -> str:
        return f"{self.question}; to do it all the same: --{self.option.replace('_', '-')}"


def explained(given: Mapping[str, Any], error: Exception) -> tuple[str, int]:
    """The message and the exit status of an error; `given` are the parameters of the flow."""
    if isinstance(error, AgentError):
        return expected(error, given), status_of(error)
    return unexpected(error), FAILED


def expected(error: AgentError, given: Mapping[str, Any]) -> str:
    """The message of an error that agents and operations raise on purpose.

    Args:
        error: What was raised.
        given: The parameters of the flow, which name the item.

    """
    return f"error: {error}" + _line("next", _next_step(error, given)) + _notes(error)


def unexpected(error: Exception) -> str:
    """The message of any other exception; its stack trace goes to the log file."""
    words = str(error).partition("\n")[0] or "no message"
    problem = f"error: {type(error).__name__}: {words}"
    next_step = _line("next", _cause(error, words))
    return problem + next_step + _notes(error) + _line("details", _logged(error))


def _line(label: str, words: str) -> str:
    return f"\n{label}: {words}" if words else ""


def _notes(error: Exception) -> str:
    """What the runtime has added to the error: the items that are left, and what finishes them."""
    notes = getattr(error, "__notes__", ())
    return "".join(f"\n{note}" for note in notes if note.startswith(LEFT))


def _next_step(error: AgentError, given: Mapping[str, Any]) -> str:
    match error:
        case UnknownItem():
            tenant = settings().tenant
            return f"check the key and --scenario; the tenant is {tenant!r} ({PREFIX}TENANT)"
        case IllegalTransition():
            return instead(error.state, given.get("scenario", "orders"), error.item)
        case RedisUnavailable():
            return f"start the server that {PREFIX}REDIS_URL names, or unset it to use the embedded one"
    return ""


def _cause(error: Exception, words: str) -> str:
    if words.startswith("Failed to reach API"):
        return (
            f"start the Prefect server at {PREFECT_API_URL.value()} (uv run prefect server start), "
            "or unset PREFECT_API_URL to use a local one"
        )
    if "disk is full" in words or getattr(error, "errno", None) in (ENOSPC, EDQUOT):
        return f"free some space on the disk of {settings().data}, and run the command again"
    if type(error).__name__ == "ConnectError":  # of httpx, which only services import
        return "start the Prefect server that PREFECT_API_URL names: uv run prefect server start"
    if isinstance(error, (SQLAlchemyError, ConnectionError)):
        return f"check the database of the journal: {PREFIX}JOURNAL_URL, or journal.db in the data folder"
    return ""


def _logged(error: Exception) -> str:
    """Write the stack trace to the log file; return where it is, or where the error was raised."""
    if log_is_written():
        get_logger("agents.flows").error("run failed unexpectedly", exc_info=error)
    if not log_is_written():
        return place_of(error)  # the log is not open or its disk is full, which may be what failed
    return str(settings().data / LOG_FILE)

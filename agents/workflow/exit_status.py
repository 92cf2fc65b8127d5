"""Exit statuses of commands: whether a run did its work, and if not, what its caller must do."""

from enum import IntEnum

from agents.runtime import AgentError
from agents.services.files.outcomes import BROKEN, SourceError


class ExitStatus(IntEnum):
    """What the exit status of a command says; flows/README.md explains each to its caller."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    PERSON_NEEDED = 3
    ALL_REJECTED = 4
    NOTHING_FOUND = 5
    CUT_OFF = 6
    STOPPED = 130


MEANINGS = (
    "Exit status: 0 done; 1 failed; 2 bad input; 3 a person must act; 4 every record was rejected; "
    "5 no record was found; 6 the source is cut off or damaged; 130 stopped."
)


class NothingFound(AgentError):
    """A source has nothing to work on."""


class AllRejected(AgentError):
    """Nothing of a source is taken."""


def status_of(error: AgentError) -> ExitStatus:
    """The exit status of a command that ended with this error."""
    if isinstance(error, SourceError) and error.rule in BROKEN:
        return ExitStatus.CUT_OFF
    if isinstance(error, NothingFound) or (
        isinstance(error, SourceError) and error.rule == "empty"
    ):
        return ExitStatus.NOTHING_FOUND
    return ExitStatus.ALL_REJECTED if isinstance(error, AllRejected) else ExitStatus.BAD_INPUT


def source_status(read: int, rejected: int, cut: str) -> ExitStatus:
    """The exit status of a run by what its source gave: records `read`, `rejected`, and where it is `cut`."""
    if cut:
        return ExitStatus.CUT_OFF
    if not read:
        return ExitStatus.NOTHING_FOUND
    return ExitStatus.ALL_REJECTED if rejected == read else ExitStatus.DONE


def problem_of(status: int, source: str, noun: str, cut: str = "") -> str:
    """What is wrong with a source, in one line for standard error; empty if nothing is."""
    match status:
        case ExitStatus.CUT_OFF:
            return f"{source} breaks off: {cut}; what came before is processed (exit status {status:d})"
        case ExitStatus.NOTHING_FOUND:
            return f"{source} has no {noun}: nothing was done (exit status {status:d})"
        case ExitStatus.ALL_REJECTED:
            return f"all {noun} of {source} were rejected: correct them and run again (exit status {status:d})"
    return ""

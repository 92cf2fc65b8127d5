"""How a command ends: with a few words on standard error and an exit status, never with a stack trace."""

import asyncio
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from agents.runtime.errors import AgentError
from agents.runtime.settings import ROOT
from agents.runtime.shutdown import Ending

T = TypeVar("T")
Explain = Callable[[Exception], tuple[str, int]]

FAILED, BAD_INPUT = 1, 2
OUTPUT_CLOSED = 141  # as a program that SIGPIPE ends
STOPPED = "stopped: unfinished work is handed back; run the same command again to finish it"


def in_words(work: Callable[[], T], ending: Ending, explain: Explain, stopped: str = STOPPED) -> T:
    """The result of `work`; if it raises, write what `explain` returns and exit.

    `explain` returns the words and the exit status of an error. After Ctrl-C and SIGTERM the words are
    `stopped`, and the status is that of `ending`. When nobody reads standard output any more, the
    process ends without words.
    """
    try:
        return work()
    except BrokenPipeError:
        _discard_output()
        sys.exit(OUTPUT_CLOSED)
    except Exception as error:  # noqa: BLE001 - nothing above this could explain it to a person
        if not ending.signal:
            end(*explain(error))
        if isinstance(error, AgentError):
            end(explain(error)[0], ending.status)
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    return end(stopped, ending.status)


def end(words: str, status: int) -> NoReturn:
    """Write the words to standard error, if it is open, and exit with the status."""
    try:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()
    except OSError:
        pass
    sys.exit(status)


def explained(error: Exception) -> tuple[str, int]:
    """Words and exit status of an error, for a command that has no log."""
    if isinstance(error, AgentError):
        return f"error: {error}", BAD_INPUT
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"error: {error.strerror}{where}", FAILED
    words = str(error).partition("\n")[0] or "no message"
    return f"error: {type(error).__name__}: {words}\nat: {place_of(error)}", FAILED


def run_command(work: Callable[[], int | None], explain: Explain = explained) -> NoReturn:
    """Run a command without a flow and exit with the status that `work` returns."""
    ending = Ending()
    ending.install()
    sys.exit(in_words(lambda: _flushed(work), ending, explain, "stopped"))


def place_of(error: Exception) -> str:
    """The line of this project in which the error was raised, as file:line."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(Path(frame.filename))]
    places = [f"{frame.filename}:{frame.lineno}" for frame in ours or frames]
    return places[-1] if places else "no line is known"


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts


def _flushed(work: Callable[[], T]) -> T:
    result = work()
    sys.stdout.flush()  # a closed pipe is noticed here instead of while Python ends
    return result


def _discard_output() -> None:
    """Let what is still buffered go nowhere, since Python writes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

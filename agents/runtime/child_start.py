"""The start of a child process: it is awaited for as long as it makes progress, and its words are kept.

A slow machine takes minutes for what a quick one does in a second, so no limit in seconds is right. A
process that starts uses processor time or writes; one that hangs does neither.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from agents.runtime.errors import AgentError
from agents.runtime.redaction import redacted

STALL_SECONDS = 60.0  # without any progress
LONGEST_SECONDS = 1_800.0  # of a start that goes on and on
POLL_SECONDS = 0.02
MOST_LINES, MOST_CHARACTERS = 12, 2_000


class DidNotStart(AgentError):
    """A process that a call needs did not start on this machine.

    It says nothing about the work item, which is handed back: the next run tries it again.
    """

    def __init__(self, name: str, problem: str, words: str, log: str = "") -> None:
        super().__init__(name, problem, words, log)
        self.name, self.problem, self.words, self.log = name, problem, words, log

    def __str__(self) -> str:
        said = f"; it said:\n{self.words}" if self.words else "; it said nothing"
        where = f"\nmore: {self.log}" if self.log else ""
        return f"{self.name} {self.problem}{said}{where}"


class ChildStart:
    """A child process that starts; `log` is the file to which it writes, from now on."""

    def __init__(self, name: str, log: Path, *, keeps_log: bool = True) -> None:
        self.name, self._log, self._keeps_log = name, log, keeps_log
        self._begin = _size(log)

    def wait(self, child: "subprocess.Popen[bytes]", is_done: Callable[[], bool]) -> None:
        """Wait until `is_done`.

        Raises DidNotStart if the child ends before, or makes no progress: then it is killed.
        """
        begun = moved = time.monotonic()
        before = self._progress(child)
        while not is_done():
            if child.poll() is not None and not is_done():
                raise self.failed(f"ended with {_status(child.returncode)} while it started")
            now, progress = time.monotonic(), self._progress(child)
            if progress != before:
                moved, before = now, progress
            if now - moved > STALL_SECONDS or now - begun > LONGEST_SECONDS:
                child.kill()
                raise self.failed(
                    f"did not start within {now - begun:.0f} s, and made no progress for the last "
                    f"{now - moved:.0f} s"
                )
            time.sleep(POLL_SECONDS)

    def failed(self, problem: str) -> DidNotStart:
        """The error with what the child wrote."""
        log = str(self._log) if self._keeps_log else ""
        return DidNotStart(self.name, problem, last_words(self._log, self._begin), log)

    def _progress(self, child: "subprocess.Popen[bytes]") -> tuple[int, int]:
        return _processor_time(child.pid), _size(self._log)


def last_words(log: Path, begin: int = 0) -> str:
    """The last lines that were written to the file, from byte `begin` on, without secrets."""
    try:
        with log.open("rb") as file:
            file.seek(max(begin, _size(log) - 10 * MOST_CHARACTERS))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    printable = "".join(c for c in text if c.isprintable() or c in "\n\t")
    lines = [line for line in printable.splitlines() if line.strip()]
    return redacted("\n".join(lines[-MOST_LINES:])[-MOST_CHARACTERS:])


def _processor_time(pid: int) -> int:
    """Ticks of processor time that the process and the children that it awaited have used.

    Where the system does not tell, the time itself: then only LONGEST_SECONDS bounds a start.
    Source: proc(5), /proc/pid/stat, fields 14 to 17.
    """
    if sys.platform != "linux":
        return time.monotonic_ns()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"

"""A shell in a pseudo-terminal: type, read what its screen shows, kill what runs in it."""

import fcntl
import os
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyte
from pyte.screens import Char

COLUMNS, LINES = 96, 120  # lines enough that nothing scrolls away
PROMPT = "$"
BASH = ("bash", "--norc", "--noprofile", "--noediting", "-i")
PATIENCE = 600.0  # seconds
CHUNK = 65_536

Line = Sequence[Char]


class Shell:
    """Bash in a terminal of 96 columns. It is killed when the block ends."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._begin = 0
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (LINES, COLUMNS))
        self._bash = subprocess.Popen(
            BASH,
            cwd=folder,
            env={**environment, "PS1": f"{PROMPT} ", "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # Bash has jobs, which can be killed, only where the terminal is the one that controls it.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one system call
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        self.wait(lambda lines: lines == [PROMPT])
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_job()
        self._bash.kill()
        self._bash.wait()
        os.close(self._ours)

    def type(self, command: str) -> None:
        """Type a command and Enter. What the screen shows is counted from here on."""
        self._begin = self._screen.cursor.y
        os.write(self._ours, f"{command}\n".encode())

    def wait(self, until: Callable[[list[str]], bool]) -> None:
        """Read until `until` is true of the lines. Raises TimeoutError with the lines."""
        end = time.monotonic() + PATIENCE
        while not until(self.lines()):
            left = max(0.0, end - time.monotonic())
            if not select.select([self._ours], [], [], left)[0]:
                raise TimeoutError("\n".join(self.lines()))
            self._stream.feed(os.read(self._ours, CHUNK))

    def wait_for_prompt(self) -> None:
        """Read until the command has ended. Raises TimeoutError with the lines."""
        self.wait(lambda lines: lines[1:][-1:] == [PROMPT])

    def kill(self) -> None:
        """Kill the command in the foreground as `kill -9 %1` does: its whole process group."""
        assert self._kill_job(), "no command is running"

    def lines(self) -> list[str]:
        """The last command, what it has written, and the line of the cursor."""
        rows = self._screen.display[self._begin : self._screen.cursor.y + 1]
        return [row.rstrip() for row in rows]

    def characters(self) -> list[Line]:
        """The last command and what it has written, with colours, without the cursor's line."""
        return characters(self._screen, self._begin)

    def _kill_job(self) -> bool:
        job = os.tcgetpgrp(self._ours)
        if job == self._bash.pid:
            return False
        os.killpg(job, signal.SIGKILL)
        return True


def characters(screen: pyte.Screen, begin: int = 0) -> list[Line]:
    """The lines of a screen from `begin` to the one before the cursor's."""
    rows = range(begin, screen.cursor.y)
    return [[screen.buffer[y][x] for x in range(screen.columns)] for y in rows]

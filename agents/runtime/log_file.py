"""The log file that all processes of a data folder write, turned over by size.

Each line is one `write` to a file opened for appending, which the system keeps whole beside those of other
processes. A process that finds the file full renames it while no other does; the others find the new file
before their next line. A line that was about to be written to the renamed file is in that one, not lost.
What a killed process or a full disk cut off is ended before the next line.

Looked at: `logging.handlers.RotatingFileHandler` renames under the feet of other processes, which go on in
the old file, and rotate that; `WatchedFileHandler` finds a new file but makes none, and writes long lines in
parts; concurrent-log-handler locks for each line, so that a process which is stopped stops all.
"""

import fcntl
import logging
import os
import stat
import sys
import tempfile
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Self

from agents.runtime.errors import DataFolderError

NAME = "agent-flows.log"


class LogFile(logging.Handler):
    """A log file that says once that it cannot be written, such as on a full disk.

    Args:
        path: The file; those before it are `<path>.1` (the latest), `<path>.2` and so on.
        most_bytes: Size from which the file is turned over.
        kept: How many files before it are kept.

    """

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        super().__init__()
        self.path, self.most_bytes, self.kept = path, most_bytes, kept
        self.failed = False
        self._file = _opened(path)
        self._identity = _identity(os.fstat(self._file.fileno()))

    @classmethod
    def of(cls, folder: Path, most_bytes: int, kept: int) -> Self:
        """The log of a data folder, which is made if necessary. Raises DataFolderError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass  # a folder may be read-only although its log is writable
            return cls(folder / NAME, most_bytes, kept)
        except FileExistsError:
            raise DataFolderError(str(folder), "it is not a folder") from None
        except OSError as error:
            raise DataFolderError(str(folder), error.strerror or str(error)) from None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            line = self.format(record).replace("\n", " ").encode(errors="backslashreplace") + b"\n"
            self._write(line)
        except Exception:  # noqa: BLE001 - a log that cannot be written ends no work
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - of logging
        """Write one line for the first problem, instead of a stack trace for each record."""
        if not self.failed:
            self.failed = True
            problem = sys.exc_info()[1]
            with suppress(OSError):
                sys.stderr.write(f"warning: {self.path} cannot be written: {problem}\n")

    def close(self) -> None:
        """Close the file, also if it is closed already."""
        with suppress(OSError):
            self._file.close()
        super().close()

    def _write(self, line: bytes) -> None:
        found = self._current()
        if found.st_size + len(line) > self.most_bytes and found.st_size and self._turn_over():
            found = self._current()
        if self._is_cut_off(found):
            line = b"\n" + line
        written = self._file.write(line)
        if written < len(line):  # the disk is full: the rest tells why
            self._file.write(line[written:])

    def _current(self) -> os.stat_result:
        """What the path names now, after opening it if another process has turned it over.

        Code that configures logging closes all handlers, as Prefect does when it is loaded; those of the standard
        library open their files again too.
        """
        with suppress(FileNotFoundError):
            found = self.path.stat()
            if not self._file.closed and _identity(found) == self._identity:
                return found
        opened = _opened(self.path)
        self._file.close()
        self._file, found = opened, os.fstat(opened.fileno())
        self._identity = _identity(found)
        return found

    def _is_cut_off(self, found: os.stat_result) -> bool:
        """Whether the file does not end with the end of a line."""
        if not stat.S_ISREG(found.st_mode) or not found.st_size:
            return False
        with suppress(FileNotFoundError), self.path.open("rb", buffering=0) as file:
            file.seek(found.st_size - 1)
            return file.read(1) not in {b"\n", b""}
        return False  # another process has just renamed it

    def _turn_over(self) -> bool:
        """Rename the files, unless another process does; whether it was done here."""
        if self.path.is_symlink() or not self.path.is_file():
            return False  # somebody else decides where it goes
        with self.path.with_name(f".{NAME}.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            with suppress(FileNotFoundError):
                if _identity(self.path.stat()) == self._identity:
                    self._rename()
            return True

    def _rename(self) -> None:
        for number in range(self.kept, 0, -1):
            before = self._numbered(number - 1)
            if before.exists():
                before.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


def _opened(path: Path) -> FileIO:
    """The file, opened for appending without a buffer. Once it is closed, its number may be another file's."""
    return FileIO(path, "a")


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino

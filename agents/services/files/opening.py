"""Opening a source: once, without following it into devices, pipes or /proc."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from agents.services.files.outcomes import SourceError
from agents.services.files.streams import ByteStream

_KERNEL_TREES = (Path("/proc"), Path("/sys"))


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """The regular file at `path`; SourceError if it is missing or anything else."""
    descriptor = _descriptor(os.fspath(path))
    try:
        _require_regular(os.fstat(descriptor))
    except SourceError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        yield file


def _descriptor(path: str) -> int:
    if not path or "\0" in path:
        raise SourceError("bad-name", "a file name must not be empty or hold NUL")
    try:
        # Without O_NONBLOCK the open itself would wait for a writer if the path is a FIFO.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or "not a possible file name"
        raise SourceError("cannot-open", f"cannot open: {reason}") from error


def _require_regular(facts: os.stat_result) -> None:
    """Judge the open descriptor, so that nobody can swap the path between check and use."""
    if not stat.S_ISREG(facts.st_mode):
        raise SourceError("not-regular", "not a regular file")
    if facts.st_dev in {tree.stat().st_dev for tree in _KERNEL_TREES if tree.is_dir()}:
        raise SourceError("not-regular", "not a regular file: it belongs to the kernel")


def standard_input() -> ByteStream:
    """Our own standard input, as chunks that come as soon as they are there."""
    if sys.stdin is None:
        raise SourceError("cannot-open", "standard input is closed")
    return _Arriving(sys.stdin.buffer)


class _Arriving:
    """A pipe, read without waiting for a full chunk."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def read(self, size: int, /) -> bytes:
        return self._pipe.read1(size)  # type: ignore[attr-defined,no-any-return]  # BufferedReader has it

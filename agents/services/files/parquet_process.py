"""The process that decodes Parquet: started, listened to until the deadline, and ended."""

import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import BinaryIO

from agents.runtime.errors import MissingExtra, TransientError
from agents.services.files.clock import Clock
from agents.services.files.limits import Limits
from agents.services.files.outcomes import SourceError
from agents.services.files.streams import ByteStream

_CHILD = Path(__file__).with_name("parquet_child.py")
# Nothing else, as a process that reads hostile bytes must have no secrets.
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}


@contextmanager
def decoder(file: BinaryIO, limits: Limits, clock: Clock, key: str) -> Iterator[ByteStream]:
    """The output of a decoder of the open file; the process ends with the block.

    The column `key` identifies a record, or without a name the first one.
    """
    if find_spec("pyarrow") is None:
        raise SourceError("missing-extra", str(MissingExtra("analysis")))
    file.seek(0)
    numbers = (limits.memory_bytes, ceil(limits.seconds), limits.depth, limits.columns)
    with _started([sys.executable, "-P", str(_CHILD), *map(str, numbers), key], file) as child:
        try:
            assert child.stdout is not None
            yield _Output(child.stdout.fileno(), clock)
        finally:
            child.kill()


def _started(command: list[str], file: BinaryIO) -> subprocess.Popen[bytes]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT | passed_on,
            bufsize=0,
        )
    except OSError as error:
        raise TransientError(f"cannot start the Parquet decoder: {error.strerror}") from error


class _Output:
    """The pipe from the decoder; a read waits no longer than the clock allows."""

    def __init__(self, descriptor: int, clock: Clock) -> None:
        self._descriptor, self._clock = descriptor, clock

    def read(self, size: int, /) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while not selector.select(max(0.0, self._clock.left())):
                self._clock.check()
        return os.read(self._descriptor, size)

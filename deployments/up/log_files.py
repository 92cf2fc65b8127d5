"""Rotation of the logs of children: a file that is full is copied to `.1` and emptied.

Children write to the end of the file themselves, so they live on when the supervisor is killed. What one
writes between copy and truncation is lost; `logrotate` does the same under the name copytruncate.
"""

import shutil
from contextlib import suppress
from pathlib import Path

MOST_BYTES, KEPT = 10 * 1024 * 1024, 3


def rotate(log: Path, most: int = MOST_BYTES, kept: int = KEPT) -> bool:
    """Begin a new file if this one has more than `most` bytes; `kept` older ones stay."""
    with suppress(OSError):
        if log.stat().st_size <= most:
            return False
        for number in range(kept, 1, -1):
            older = log.with_name(f"{log.name}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number}"))
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate()
        return True
    return False

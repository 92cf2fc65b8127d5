"""The file of rejected records, so that their sender can correct them and submit them again."""

import base64
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from agents.runtime.intake.intake import Rejection


class Rejects:
    """JSON Lines of rejected records: line, rule, message, raw record. The first one makes the file."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Remove the file of an earlier run."""
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def keep(self, rejection: Rejection) -> None:
        """Append one rejected record."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        self.count += 1
        row = {"line": rejection.line, "rule": rejection.rule, "message": rejection.message}
        self._file.write(orjson.dumps(row | _raw(rejection.raw)) + b"\n")
        self._file.flush()


def _raw(raw: bytes) -> dict[str, str]:
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}

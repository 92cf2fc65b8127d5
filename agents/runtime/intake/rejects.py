"""The file of rejected records, so that their sender can correct them and submit them again."""

import base64
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson

from agents.runtime.intake.intake import Rejection
from agents.runtime.run_files import RunFile


class Rejects:
    """JSON Lines of the rejected records of one run: line, rule, message, raw record.

    The first one makes the file and moves the link `latest` to it; files of other runs stay.
    """

    def __init__(self, file: RunFile) -> None:
        self.count, self.cut = 0, ""
        self._place = file
        self._file: BinaryIO | None = None

    @property
    def path(self) -> Path:
        """Where this run keeps its rejected records."""
        return self._place.path

    def __enter__(self) -> Self:
        """Begin with no record."""
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
            self._file = self.path.open("xb")
            self._place.point()
        self.count += 1
        if rejection.cut:
            self.cut = self.cut or rejection.message
        row = {"line": rejection.line, "rule": rejection.rule, "message": rejection.message}
        self._file.write(orjson.dumps(row | _raw(rejection.raw)) + b"\n")
        self._file.flush()


def _raw(raw: bytes) -> dict[str, str]:
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}

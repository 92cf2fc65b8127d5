"""Files that belong to one run: each run writes its own, and a link beside them leads to the latest."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Self

from agents.runtime.errors import AgentError

LATEST = "-latest"


class TakenPath(AgentError):
    """The path that a run should write to is a file that no run has made."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} is there already and is no link to the file of an earlier run: "
            "move it away or name another"
        )


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of one run at `path`; `latest` is the link that later runs move to their own files."""

    latest: Path
    path: Path

    @classmethod
    def beside(cls, latest: Path) -> Self:
        """A file named after this run: report-20261128T101500Z-1a2b3c.md for report.md."""
        run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"
        name = f"{latest.stem.removesuffix(LATEST)}-{run}{latest.suffix}"
        return cls(latest, latest.with_name(name))

    def with_suffix(self, suffix: str) -> Self:
        """Another file of the same run."""
        return type(self)(self.latest.with_suffix(suffix), self.path.with_suffix(suffix))

    def require_free(self) -> None:
        """Raise TakenPath if the link would replace a file."""
        if self.latest.exists() and not self.latest.is_symlink():
            raise TakenPath(self.latest)

    def write(self, text: str) -> None:
        """Write the whole file and move the link to it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text, encoding="utf-8")
        self.point()

    def point(self) -> None:
        """Move the link to this run's file, in one step; a file that stands in its place stays."""
        if self.latest.exists() and not self.latest.is_symlink():
            return
        link = self.path.with_name(f".{self.path.name}.link")
        link.unlink(missing_ok=True)
        link.symlink_to(self.path.name)
        link.replace(self.latest)

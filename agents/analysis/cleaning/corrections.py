"""Quarantined rows as people mended them: kept by their digest, applied when the partition is cleaned anew.

A partition with other corrections is another work item, so mending twice is once, and what is
conserved is proved of the mended rows as of all others.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from agents.analysis.models import Frozen, Partition
from agents.analysis.study_store import StudyStore, write_whole
from agents.runtime.errors import AgentError

Cell = str | int | float | bool | None


class Correction(Frozen):
    """The row that should stand at a line of the source; `reasons` and `raw` may stay as they were."""

    line: int = Field(ge=1)
    row: dict[str, Cell]
    reasons: tuple[Any, ...] = ()
    raw: str = ""


class BadCorrection(AgentError):
    """A file of corrections that cannot be used."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(path, line, problem)
        self.path, self.line, self.problem = path, line, problem

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.problem}; nothing of the file was taken"


_ADAPTER = TypeAdapter(Correction)


def mend(store: StudyStore, source: str, name: str, path: Path) -> int:
    """Take a quarantine file with corrected rows for one partition; returns how many rows.

    Rows mended before stay so unless the file has them too. Raises BadCorrection.
    """
    rows = _known(store, source, name)
    count = 0
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            correction = _ADAPTER.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadCorrection(path, number, f"{where}: {first['msg']}") from None
        rows[correction.line] = correction.row
        count += 1
    text = orjson.dumps(
        [[line, rows[line]] for line in sorted(rows)], option=orjson.OPT_SORT_KEYS
    ).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_whole(_content(store, digest), text)
    write_whole(_pointer(store, source, name), digest)
    return count


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise BadCorrection(path, 0, error.strerror or "cannot be read") from None


def digest_of(store: StudyStore, source: str, name: str) -> str:
    """Of all corrections of the partition; empty if there are none."""
    pointer = _pointer(store, source, name)
    return pointer.read_text(encoding="utf-8") if pointer.exists() else ""


def corrections_of(store: StudyStore, partition: Partition) -> Mapping[int, Mapping[str, Any]]:
    """The rows of these lines as they should be."""
    return _read(store, partition.corrections) if partition.corrections else {}


def _known(store: StudyStore, source: str, name: str) -> dict[int, dict[str, Any]]:
    digest = digest_of(store, source, name)
    return _read(store, digest) if digest else {}


def _read(store: StudyStore, digest: str) -> dict[int, dict[str, Any]]:
    return dict(orjson.loads(_content(store, digest).read_bytes()))


def _content(store: StudyStore, digest: str) -> Path:
    return store.folder / "corrections" / f"{digest}.json"


def _pointer(store: StudyStore, source: str, name: str) -> Path:
    return store.folder / "corrections" / source / name

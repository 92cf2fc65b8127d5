"""Quarantined rows of the published partitions, and the corrections that people make of them.

Corrections are kept by their digest and used when the partition is cleaned again. A partition with other
corrections is another work item: mending twice has the effect of once, and the conservation of rows is
checked for corrected rows as for all others.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, ValidationError

from agents.analysis.column import Frozen
from agents.analysis.models import Partition
from agents.analysis.study_store import QUARANTINE, StudyStore
from agents.runtime import AgentError, Parked
from agents.runtime.files import write_whole
from agents.services.files.formulas import escape_formula
from agents.services.files.limits import DEFAULTS
from agents.services.files.outcomes import Fault
from agents.services.files.strict_json import StrictJson

HEADER = ("source", "partition", "line", "rules", "row")


class NothingPublished(AgentError):
    """A study without a published dataset."""

    def __init__(self, study: str) -> None:
        super().__init__(study)
        self.study = study

    def __str__(self) -> str:
        return f"study {self.study!r} has published nothing yet: run data analysis first"


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """One quarantined row and the file that has it."""

    source: str
    partition: str
    file: Path
    record: dict[str, Any]

    @property
    def rules(self) -> str:
        """Every rule that the row broke, such as "price: range"."""
        broken = ((one["column"], one["rule"]) for one in self.record["reasons"])
        return ", ".join(f"{column}: {rule}" if column else rule for column, rule in broken)

    @property
    def cells(self) -> str:
        """The row as JSON, or the unreadable line as it was."""
        row = self.record.get("row")
        return orjson.dumps(row).decode() if row is not None else str(self.record.get("raw", ""))


def quarantined_rows(study: str) -> Iterator[QuarantinedRow]:
    """Every quarantined row of the published partitions. Raises NothingPublished."""
    store = StudyStore(study)
    dataset = store.published()
    if dataset is None:
        raise NothingPublished(study)
    for part in dataset.parts:
        file = (store.folder / part.file).with_name(QUARANTINE)
        if file.exists():
            with file.open("rb") as lines:
                for line in lines:
                    yield QuarantinedRow(part.source, part.name, file, orjson.loads(line))


def export(study: str, path: Path) -> int:
    """Write the rows as CSV for a spreadsheet, which shows formulas as text; returns how many."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for one in quarantined_rows(study):
            writer.writerow(_cells(one))
            count += 1
    return count


Cell = str | int | float | bool | Decimal | None


class Correction(Frozen):
    """The corrected row of one line of the source; `reasons` and `raw` are ignored."""

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
        return f"{self.path}, line {self.line}: {self.problem}; no row of the file was used"


_JSON = StrictJson(DEFAULTS)


def mend(store: StudyStore, source: str, name: str, path: Path) -> int:
    """Read corrected rows of one partition from a quarantine file; returns how many.

    Earlier corrections of other lines are kept. Raises BadCorrection.
    """
    rows = _known(store, source, name)
    count = 0
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        correction = _correction(path, number, line)
        rows[correction.line] = correction.row
        count += 1
    listed = [[line, rows[line]] for line in sorted(rows)]
    # A number that is no float (a Decimal) stays as it is written: as text.
    text = orjson.dumps(listed, default=str, option=orjson.OPT_SORT_KEYS).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    write_whole(_content(store, digest), text)
    write_whole(_pointer(store, source, name), digest)
    return count


def _correction(path: Path, number: int, line: bytes) -> Correction:
    body = _JSON.parse(line)
    if isinstance(body, Fault):
        raise BadCorrection(path, number, f"{body.field} {body.text}".strip())
    try:
        return Correction.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadCorrection(path, number, f"{where}: {first['msg']}") from None


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise BadCorrection(path, 0, error.strerror or "cannot be read") from None


def corrections_digest(store: StudyStore, source: str, name: str) -> str:
    """The digest of all corrections of a partition; empty if there are none."""
    pointer = _pointer(store, source, name)
    return pointer.read_text(encoding="utf-8") if pointer.exists() else ""


def corrections_of(store: StudyStore, partition: Partition) -> Mapping[int, Mapping[str, Any]]:
    """The corrected rows by line. Raises Parked if they are not in this data folder."""
    if not partition.corrections:
        return {}
    if not (path := _content(store, partition.corrections)).exists():
        raise Parked(f"{path} is missing: approve the item where the data folder of its run is")
    return _read(store, partition.corrections)


def _known(store: StudyStore, source: str, name: str) -> dict[int, dict[str, Any]]:
    digest = corrections_digest(store, source, name)
    return _read(store, digest) if digest else {}


def _read(store: StudyStore, digest: str) -> dict[int, dict[str, Any]]:
    return dict(orjson.loads(_content(store, digest).read_bytes()))


def _content(store: StudyStore, digest: str) -> Path:
    return store.folder / "corrections" / f"{digest}.json"


def _pointer(store: StudyStore, source: str, name: str) -> Path:
    return store.folder / "corrections" / source / name


Place = tuple[int, int]
"""Where a page of rows begins: the number of its partition, and the byte in its file."""


def rows_from(
    partitions: Sequence[Partition], place: Place, most: int
) -> tuple[list[QuarantinedRow], Place | None]:
    """Quarantined rows of these partitions from a place on, and where the next ones begin.

    A place that no page has given leads to the next row after it.
    """
    found: list[QuarantinedRow] = []
    number, offset = place
    for index, partition in enumerate(partitions[number:], number):
        path = StudyStore(partition.study).path_of(partition, QUARANTINE)
        if not path.exists():
            continue
        with path.open("rb") as lines:
            if index == number and offset:
                lines.seek(min(offset - 1, path.stat().st_size))
                lines.readline()  # to the end of the line before, if it is a place between two
            while line := lines.readline():
                if len(found) == most:
                    return found, (index, lines.tell() - len(line))
                record = orjson.loads(line)
                found.append(QuarantinedRow(partition.source, partition.name, path, record))
    return found, None


def as_csv(rows: Iterable[QuarantinedRow]) -> str:
    """The rows as CSV for a spreadsheet, which shows formulas as text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(_cells(one) for one in rows)
    return text.getvalue()


def _cells(one: QuarantinedRow) -> list[str]:
    cells = [one.source, one.partition, str(one.record["line"]), one.rules, one.cells]
    return [escape_formula(cell) for cell in cells]

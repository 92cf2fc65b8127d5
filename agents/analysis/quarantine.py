"""The rows that a study's published partitions turned away, to look at, to export and to mend."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from agents.analysis.clean_partition import QUARANTINE
from agents.analysis.study_store import StudyStore
from agents.runtime.errors import AgentError
from agents.services.files.formulas import escape_formula

HEADER = ("source", "partition", "line", "rules", "row")


class NothingPublished(AgentError):
    """A study without a dataset."""

    def __init__(self, study: str) -> None:
        super().__init__(study)
        self.study = study

    def __str__(self) -> str:
        return f"study {self.study!r} has published nothing yet: run data analysis first"


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """One row in quarantine, with the file that it stands in."""

    source: str
    partition: str
    file: Path
    record: dict[str, Any]

    @property
    def rules(self) -> str:
        """Every rule that it broke, in words."""
        told = ((one["column"], one["rule"]) for one in self.record["reasons"])
        return ", ".join(f"{column}: {rule}" if column else rule for column, rule in told)

    @property
    def cells(self) -> str:
        """The row as JSON, or the line as it was."""
        row = self.record.get("row")
        return orjson.dumps(row).decode() if row is not None else str(self.record.get("raw", ""))


def turned_away(study: str) -> Iterator[QuarantinedRow]:
    """Every row in quarantine of what is published. Raises NothingPublished."""
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
    """Write them as CSV for a spreadsheet, which will show formulas and not run them; returns how many."""
    count = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for one in turned_away(study):
            cells = [one.source, one.partition, str(one.record["line"]), one.rules, one.cells]
            writer.writerow([escape_formula(cell) for cell in cells])
            count += 1
    return count

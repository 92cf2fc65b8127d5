"""A study as a workload: after every fault the tables, models and report are the same, to the byte.

The first cell of an environment has no fault; its files are what the other cells must produce.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agents.analysis.models import Dataset
from agents.runtime.model.lifecycle import State
from tests.faults.checker import Expectation, illegal_writes
from tests.faults.protocol import Run
from tests.invariants import Journal, Record, breaches_of, dump_journal

NAME = "sales"
PARTS, DAYS = 4, 10
NO_RECORD = Record({}, {}, {}, {}, {}, Counter(), Counter())  # a study calls no providers
# The files that a person relies on. The file of a model holds the time and addresses, its forecasts do not.
# A name with a leading dot is a file that a killed process was writing; nothing reads it.
KEPT = (
    "report.html",  # data.html lists the runs with their times
    "registry.json",
    "gaps-*.jsonl",
    "differing-*.jsonl",
    "clean/*/[!.]*/*",
    "models/[!.]*/*.parquet",
    "models/[!.]*/*.json",
)
CONTRACT = {
    "name": NAME,
    "time": "at",
    "key": ["at", "shop"],
    "wins": "highest price",
    "columns": {
        "at": {"type": "time", "required": True},
        "shop": {"type": "text", "required": True, "one_of": ["a", "b"], "known_before": True},
        "price": {"type": "number", "required": True, "known_before": True},
        "sold": {"type": "number", "unit": "pieces", "outliers": 3, "severity": "warning"},
    },
    "checks": ["price >= 0"],
    "dependencies": [{"by": "at", "same": "price", "severity": "warning"}],
    "differing": {"high": 0, "breach": "note"},
    "gaps": {"every": 3_600, "by": ["shop"]},
    "expects": {"rows": {"low": 1}, "complete": {"low": 1, "breach": "note"}},
}


@dataclass(frozen=True, slots=True)
class StudyWorkload:
    """The journal and the data of one cell, over the `sources` that all cells share."""

    sources: Path
    folder: Path
    journal_url: str
    lease: float = 1.0
    observed: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the cell's folder."""
        return self.folder.name

    @property
    def expected(self) -> dict[str, set[str]]:
        """Empty: every item has only one permitted outcome."""
        return {}

    @property
    def run(self) -> Run:
        """A run of the whole flow without faults: collect, clean, train, select, report."""
        return Run(
            data=str(self.folder / "data"),
            journal=self.journal_url,
            folder=str(self.folder),
            study=str(self.sources),
            job="analyse",
            batch=2,
            lease=self.lease,
        )

    async def unfinished(self) -> list[str]:
        """Return the items that are not completed, and the report if it is missing."""
        journal = await dump_journal(self.journal_url)
        self.observed.extend(self._half_published())
        left = [row["key"] for row in journal.items.values() if row["state"] != State.COMPLETED]
        return left + ["report"] * (not (self._study / "report.html").exists())

    async def only_messages_left(self) -> bool:
        """False: items of a study send no messages."""
        return False

    async def check(self, permitted: Expectation) -> list[str]:
        """Check I2 and I8 in the journal, and I11 in the folder of the study."""
        journal = await dump_journal(self.journal_url)
        self.observed.extend(self._half_published())
        return [
            *self.observed,
            *breaches_of(journal, NO_RECORD),
            *self._not_completed(journal),
            *(
                violation
                for item, row in journal.items.items()
                for violation in illegal_writes(
                    row, journal.history.get(item, []), permitted.faulted
                )
            ),
            *self._changed_artefacts(),
        ]

    def artefacts(self) -> dict[str, str]:
        """Return the digest of each file of KEPT by its path."""
        study = self._study
        files = {file for pattern in KEPT for file in study.glob(pattern) if file.is_file()}
        found = {file.relative_to(study).as_posix(): _digest(file) for file in sorted(files)}
        dataset = self._published()
        return found | {"dataset": dataset.digest if dataset else ""}

    @property
    def _study(self) -> Path:
        return self.folder / "data" / "analysis" / NAME

    def _published(self) -> Dataset | None:
        manifest = self._study / "dataset.json"
        return Dataset.model_validate_json(manifest.read_bytes()) if manifest.exists() else None

    def _half_published(self) -> Iterator[str]:
        """Yield a violation if the published dataset is incomplete."""
        dataset = self._published()
        if dataset is not None and len(dataset.parts) != PARTS:
            yield f"I11 {len(dataset.parts)} of {PARTS} parts are published"
        for part in dataset.parts if dataset else ():
            file = self._study / part.file
            if not file.exists() or _digest(file) != part.sha256:
                yield f"I11 part {part.name} is published, and its file is missing"

    def _not_completed(self, journal: Journal) -> Iterator[str]:
        for item, row in journal.items.items():
            if row["state"] != State.COMPLETED or item in journal.dead:
                yield f"end {row['key']}: completed expected, is {row['state']}"

    def _changed_artefacts(self) -> Iterator[str]:
        file, found = self.sources / "expected.json", self.artefacts()
        if not file.exists():
            file.write_text(json.dumps(found), "utf-8")
        expected = json.loads(file.read_bytes())
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                yield f"I11 {name} differs from a run without faults"


def new_study(folder: Path, data: Path, journal_url: str, lease: float = 1.0) -> StudyWorkload:
    """Create the workload of a cell in `folder`. The first one writes the sources beside `data`."""
    sources = data.parent / "study"
    if not sources.exists():
        _write_sources(sources)
    return StudyWorkload(sources, folder, journal_url, lease)


def _write_sources(folder: Path) -> None:
    """Write the sales of forty days to four files; some rows are duplicates or have spaces, some break a rule."""
    from tests.agents.analysis.modelling.toy import sales  # noqa: PLC0415 - loads pandas

    folder.mkdir()
    frame, _ = sales(PARTS * DAYS, steep=20)
    frame = frame.drop(columns="minutes").sort_values(["at", "shop"], ignore_index=True)
    frame = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    frame.loc[::50, "shop"] = "nowhere"
    frame.loc[7::50, "shop"] = " a"
    each = len(frame) // PARTS
    for number in range(PARTS):
        part = frame.iloc[number * each : (number + 1) * each]
        part = part.loc[[*part.index, *part.index[:5]]]
        part.to_csv(folder / f"part-{number}.csv", index=False)
    (folder / "contract.yaml").write_text(json.dumps(CONTRACT), "utf-8")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

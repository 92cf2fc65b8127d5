"""A study to be played on: whatever dies, the same tables, models and report come out, to the byte.

The first cell on a ground, in which nothing happens, leaves what all others must come to.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agents.analysis.models import Dataset
from agents.runtime.model.lifecycle import State
from tests.faults.judge import Case, strange_writes
from tests.faults.runs import Run
from tests.invariants import Journal, Record, breaches_of, dump_journal

NAME = "sales"
PARTS, DAYS = 4, 10
NOBODY = Record({}, {}, {}, {}, {}, Counter())  # a study asks no providers
# What a person may rely on; a model's own file has the hour and addresses in it, its forecasts have not.
# What begins with a dot was being written when its process died, and nobody looks at it.
KEPT = (
    "*.html",
    "registry.json",
    "clean/*/[!.]*/*",
    "models/[!.]*/*.parquet",
    "models/[!.]*/*.json",
)
CONTRACT = {
    "name": NAME,
    "time": "at",
    "key": ["at", "shop"],
    "columns": {
        "at": {"type": "time", "required": True},
        "shop": {"type": "text", "required": True, "one_of": ["a", "b"], "known_before": True},
        "price": {"type": "number", "required": True, "known_before": True},
        "sold": {"type": "number", "unit": "pieces"},
    },
}


@dataclass(frozen=True, slots=True)
class StudyScene:
    """One cell's own journal and data, over the sources in `sources` that all cells share."""

    sources: Path
    folder: Path
    journal_url: str
    lease: float = 1.0
    seen: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The cell's folder."""
        return self.folder.name

    @property
    def expected(self) -> dict[str, set[str]]:
        """There is one end only."""
        return {}

    @property
    def run(self) -> Run:
        """An undisturbed run of the whole flow: collect, clean, train, weigh, report."""
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
        """Items that have not ended, or the report that nobody has written."""
        journal = await dump_journal(self.journal_url)
        self.seen.extend(self._half_published())
        left = [row["key"] for row in journal.items.values() if row["state"] != State.COMPLETED]
        return left + ["report"] * (not (self._study / "report.html").exists())

    async def only_untold(self) -> bool:
        """Nobody is told of a study's items."""
        return False

    async def judge(self, case: Case) -> list[str]:
        """I2 and I8 by the journal, I11 by what lies in the study's folder."""
        journal = await dump_journal(self.journal_url)
        self.seen.extend(self._half_published())
        return [
            *self.seen,
            *breaches_of(journal, NOBODY),
            *self._not_completed(journal),
            *(
                breach
                for item, row in journal.items.items()
                for breach in strange_writes(row, journal.history.get(item, []), case.gone)
            ),
            *self._other_artefacts(),
        ]

    def artefacts(self) -> dict[str, str]:
        """The digest of everything that is kept, by its path."""
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
        """What is published is there, all of it, whoever was killed in between."""
        dataset = self._published()
        if dataset is not None and len(dataset.parts) != PARTS:
            yield f"I11 {len(dataset.parts)} of {PARTS} parts are published"
        for part in dataset.parts if dataset else ():
            file = self._study / part.file
            if not file.exists() or _digest(file) != part.sha256:
                yield f"I11 part {part.name} is published and not there"

    def _not_completed(self, journal: Journal) -> Iterator[str]:
        for item, row in journal.items.items():
            if row["state"] != State.COMPLETED or item in journal.dead:
                yield f"end {row['key']}: completed expected, is {row['state']}"

    def _other_artefacts(self) -> Iterator[str]:
        wanted, found = self.sources / "wanted.json", self.artefacts()
        if not wanted.exists():
            wanted.write_text(json.dumps(found), "utf-8")
        first = json.loads(wanted.read_bytes())
        for name in sorted(first.keys() | found.keys()):
            if first.get(name) != found.get(name):
                yield f"I11 {name} is not what an undisturbed run makes"


def new_study(folder: Path, data: Path, journal_url: str, lease: float = 1.0) -> StudyScene:
    """A cell in `folder`; the first one writes the sources beside the ground's `data`."""
    sources = data.parent / "study"
    if not sources.exists():
        _write_sources(sources)
    return StudyScene(sources, folder, journal_url, lease)


def _write_sources(folder: Path) -> None:
    """Sales of forty days in four files; some rows are twice there, some break a rule."""
    from tests.agents.analysis.modelling.toy import sales  # noqa: PLC0415 - loads pandas

    folder.mkdir()
    frame, _ = sales(PARTS * DAYS, steep=20)
    frame = frame.drop(columns="minutes").sort_values(["at", "shop"], ignore_index=True)
    frame = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    frame.loc[::50, "shop"] = "nowhere"
    each = len(frame) // PARTS
    for number in range(PARTS):
        part = frame.iloc[number * each : (number + 1) * each]
        part = part.loc[[*part.index, *part.index[:5]]]
        part.to_csv(folder / f"part-{number}.csv", index=False)
    (folder / "contract.yaml").write_text(json.dumps(CONTRACT), "utf-8")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

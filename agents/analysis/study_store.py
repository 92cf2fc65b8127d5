"""The folder of a study: raw bytes and results by their digests, and the published dataset."""

import hashlib
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.analysis.collecting import gathering
from agents.analysis.models import Cleaned, Dataset, Part, Partition
from agents.runtime import Parked, PermanentError
from agents.runtime.files import write_whole
from agents.runtime.settings import settings
from agents.services.fetching import remembered

MANIFEST, RESULT = "dataset.json", "cleaned.json"
PART, QUARANTINE, LOG = "part.parquet", "quarantine.jsonl", "changes.parquet"
ABSENT, LOST = "gaps.jsonl", "lost.parquet"
UNFINISHED = ".*-*"  # the name of a file or folder while it is written
ABANDONED_SECONDS = 86_400.0  # longer than any file is written
UNUSED_SECONDS = 90 * 86_400.0


class DataReplaced(PermanentError):
    """The study has other data by now than the item."""

    def __init__(self, study: str, reason: str) -> None:
        super().__init__(study, reason)
        self.study, self.reason = study, reason

    def __str__(self) -> str:
        return (
            f"the data of study {self.study!r} has been replaced: {self.reason}; "
            "a new run of data analysis uses the new data"
        )


@dataclass(frozen=True, slots=True)
class StudyStore:
    """The folder of one study; every file is written under another name and renamed when complete."""

    study: str

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return settings().data / "analysis" / self.study

    @property
    def raw(self) -> Path:
        """The folder of collected documents by their SHA-256, shared by all studies."""
        return settings().data / "analysis" / "raw"

    def cleaned(self, partition: Partition) -> Cleaned | None:
        """The result of the partition, if it has been cleaned in exactly this form."""
        path = self._result(partition) / RESULT
        return Cleaned.model_validate_json(path.read_bytes()) if path.exists() else None

    def keep(self, partition: Partition, write: Callable[[Path], Cleaned]) -> Cleaned:
        """Let `write` fill a new folder with results; the folder appears complete or not at all."""
        place = self._result(partition)
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=place.parent, prefix=".making-"))
        try:
            cleaned = write(unfinished)
            (unfinished / RESULT).write_text(cleaned.model_dump_json(), encoding="utf-8")
            unfinished.rename(place)
        except OSError:
            if self.cleaned(partition) is None:
                raise
            # Another process was faster; the same input gives the same result.
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        kept = self.cleaned(partition)
        assert kept is not None
        return kept

    def path_of(self, partition: Partition, name: str) -> Path:
        """The path of a file among the results of the partition."""
        return self._result(partition) / name

    def whole(self, part: Part) -> Part:
        """The part with all good rows of its partition, also those that were not published."""
        path = (self.folder / part.file).with_name(RESULT)
        if not path.exists():
            return part
        cleaned = Cleaned.model_validate_json(path.read_bytes())
        return part_of(part.source, part.name, cleaned)

    def publish(self, dataset: Dataset) -> None:
        """Make this the dataset of the study, in one step."""
        write_whole(self.folder / MANIFEST, dataset)

    def published(self) -> Dataset | None:
        """The dataset of the study, if one is published."""
        path = self.folder / MANIFEST
        return Dataset.model_validate_json(path.read_bytes()) if path.exists() else None

    def require_published(self, data: str) -> None:
        """Require that the dataset with the digest `data` is published.

        Raises DataReplaced if another one is, and Parked if this data folder has none of the study.
        """
        dataset = self._dataset()
        if dataset.digest != data:
            raise DataReplaced(self.study, f"dataset {dataset.digest[:16]} is published now")

    def part_files(self, parts: Sequence[Part]) -> Mapping[str, Sequence[Path]]:
        """The files of the parts by source, each checked against its digest.

        Raises DataReplaced if a file is gone or changed, and Parked if this data folder has no
        dataset of the study.
        """
        self._dataset()
        files: defaultdict[str, list[Path]] = defaultdict(list)
        for part in parts:
            path = self.folder / part.file
            if not path.exists() or _digest(path) != part.sha256:
                reason = f"{part.source}/{part.name} is not there as it was published"
                raise DataReplaced(self.study, reason)
            files[part.source].append(path)
        return files

    def sweep(self) -> None:
        """Remove what killed processes have left unfinished, and notes about documents that nobody has used for long.

        Without its note, a document is only fetched or gathered once more.
        """
        oldest = time.time() - ABANDONED_SECONDS
        for notes in (remembered.FOLDER, gathering.FOLDER):
            for path in list((self.raw / notes).glob("*")):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - UNUSED_SECONDS:
                        path.unlink()
        for folder in (self.folder, self.raw):
            for path in list(folder.rglob(UNFINISHED)):
                with suppress(FileNotFoundError):  # another process may sweep too
                    if path.stat().st_mtime < oldest:
                        _remove(path)

    def _dataset(self) -> Dataset:
        if (dataset := self.published()) is None:
            raise Parked(
                f"no dataset of study {self.study!r} is in {self.folder}: "
                "approve the item where the data folder of its run is"
            )
        return dataset

    def _result(self, partition: Partition) -> Path:
        return self.folder / "clean" / partition.source / partition.digest


def part_of(source: str, name: str, cleaned: Cleaned) -> Part:
    """The part that has all good rows of a partition."""
    return Part(
        source=source, name=name, file=cleaned.part, rows=cleaned.good, sha256=cleaned.sha256
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()

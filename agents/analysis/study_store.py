"""Where a study keeps what it made: raw bytes and results by their digests, and what is published."""

import hashlib
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from agents.analysis.models import Cleaned, Dataset, Part, Partition
from agents.runtime.errors import Parked, PermanentError
from agents.runtime.settings import settings

MANIFEST, PART, QUARANTINE = "dataset.json", "part.parquet", "quarantine.jsonl"
UNFINISHED = ".*-*"  # what is being written has such a name beside its place
ABANDONED_SECONDS = 86_400.0  # nothing is written for so long


class DataReplaced(PermanentError):
    """The data of an item is no longer the data of its study."""

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
    """The folder of one study. Everything is written beside its place and moved there whole."""

    study: str

    @property
    def folder(self) -> Path:
        """The study's own folder."""
        return settings().data / "analysis" / self.study

    @property
    def raw(self) -> Path:
        """Fetched documents, by their SHA-256, shared by all studies."""
        return settings().data / "analysis" / "raw"

    def cleaned(self, partition: Partition) -> Cleaned | None:
        """What became of the partition, if it has been cleaned in just this form."""
        path = self._result(partition) / "cleaned.json"
        return Cleaned.model_validate_json(path.read_bytes()) if path.exists() else None

    def keep(self, partition: Partition, write: Callable[[Path], Cleaned]) -> Cleaned:
        """Have results written into a folder of their own, which appears whole or not at all."""
        place = self._result(partition)
        place.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=place.parent, prefix=".making-"))
        try:
            cleaned = write(making)
            (making / "cleaned.json").write_text(cleaned.model_dump_json(), encoding="utf-8")
            making.rename(place)
        except OSError:
            if self.cleaned(partition) is None:
                raise
            # Another process was quicker; the same input makes the same result.
        finally:
            shutil.rmtree(making, ignore_errors=True)
        kept = self.cleaned(partition)
        assert kept is not None
        return kept

    def path_of(self, partition: Partition, name: str) -> Path:
        """A file among the partition's results."""
        return self._result(partition) / name

    def publish(self, dataset: Dataset) -> None:
        """Make this the study's dataset, at once."""
        write_whole(self.folder / MANIFEST, dataset)

    def published(self) -> Dataset | None:
        """The study's dataset, if it has one."""
        path = self.folder / MANIFEST
        return Dataset.model_validate_json(path.read_bytes()) if path.exists() else None

    def require_published(self, data: str) -> None:
        """Require that the dataset with the digest `data` is the published one.

        Raises DataReplaced, and Parked if this data folder has no dataset of the study.
        """
        dataset = self._dataset()
        if dataset.digest != data:
            raise DataReplaced(self.study, f"dataset {dataset.digest[:16]} is published now")

    def part_files(self, parts: Sequence[Part]) -> Mapping[str, Sequence[Path]]:
        """The files of the parts by source, each with the content that was published.

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
        """Remove what processes that were killed had been writing."""
        oldest = time.time() - ABANDONED_SECONDS
        for folder in (self.folder, self.raw):
            for path in list(folder.rglob(UNFINISHED)):
                with suppress(FileNotFoundError):  # another process sweeps as well
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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def write_whole(path: Path, content: BaseModel | str) -> None:
    """Write a file so that a reader, or a kill, finds the old content or the new one."""
    text = content if isinstance(content, str) else content.model_dump_json(indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""Results appear complete and once, and a reader finds the old or the new dataset."""

import os
import time
from pathlib import Path

import pytest

from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.models import Cleaned, Dataset, Partition
from agents.analysis.study_store import StudyStore
from agents.runtime.files import write_whole
from agents.runtime.settings import settings
from agents.services.fetching.remembered import Fetched, Remembered

CONTRACT = Contract(name="x", time="at", columns={"at": Column(type="time")})
PARTITION = Partition(
    study="x", source="x", name="a", location="a.csv", validator="1", contract=CONTRACT
)
CLEANED = Cleaned(
    rows=1, good=1, quarantined=0, deduplicated=0, rules={}, discarded={}, part="p", sha256="0" * 64
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyStore:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    return StudyStore("x")


def test_a_result_that_failed_is_not_there(store: StudyStore) -> None:
    def fail(folder: Path) -> Cleaned:
        (folder / "part.parquet").write_bytes(b"half")
        raise MemoryError

    with pytest.raises(MemoryError):
        store.keep(PARTITION, fail)
    assert store.cleaned(PARTITION) is None
    assert list((store.folder / "clean" / "x").iterdir()) == []


def test_the_faster_of_two_writers_wins(store: StudyStore) -> None:
    def slow(_: Path) -> Cleaned:
        store.keep(PARTITION, lambda _: CLEANED)
        return CLEANED

    assert store.keep(PARTITION, slow) == CLEANED
    assert [p.name for p in (store.folder / "clean" / "x").iterdir()] == [PARTITION.digest]


def test_rows_that_are_unaccounted_for_are_refused() -> None:
    for change in ({"good": 2}, {"rules": {"n: type": 1}}):
        with pytest.raises(ValueError, match=r"rows in|account"):
            Cleaned.model_validate(CLEANED.model_dump() | change)


def test_a_dataset_is_published_in_one_step(
    store: StudyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.published() is None
    first = Dataset(study="x", folder=store.folder, parts=())
    store.publish(first)

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("agents.runtime.files.os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_whole(store.folder / "dataset.json", "half")
    assert store.published() == first
    assert [p.name for p in store.folder.iterdir()] == ["dataset.json"]


def test_only_what_killed_processes_left_unfinished_is_removed(
    store: StudyStore,
) -> None:
    def write(folder: Path) -> Cleaned:
        (folder / "part.parquet").write_bytes(b"whole")
        return CLEANED

    store.keep(PARTITION, write)
    write_whole(store.folder / "dataset.json", "whole")
    (store.folder / ".registry.lock").touch()
    kept = everything(store.folder.parent)
    place = store.folder / "clean" / "x"
    for path in (place / ".making-old", place / ".making-new"):
        path.mkdir()
        (path / "part.parquet").write_bytes(b"half")
    store.raw.mkdir()
    for path in (store.folder / ".dataset.json-1", store.raw / ".fetching-1", store.raw / "a1"):
        path.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86_400
    for path in everything(store.folder.parent) - {place / ".making-new"}:
        os.utime(path, (two_days_ago, two_days_ago))
    store.sweep()
    new = {place / ".making-new", place / ".making-new" / "part.parquet"}
    assert everything(store.folder.parent) == kept | new | {store.raw, store.raw / "a1"}


def test_only_notes_that_nobody_has_used_for_long_are_removed(store: StudyStore) -> None:
    store.raw.mkdir(parents=True)
    memory = Remembered(store.raw)
    document = Fetched(sha256="a" * 64, size=1, etag='"1"')
    (store.raw / document.sha256).write_bytes(b"x")
    for url in ("https://a", "https://b"):
        memory.keep("x", url, document)
    write_whole(store.raw / ".gathered" / ("b" * 64), "{}")
    long_ago = time.time() - 91 * 86_400
    for path in everything(store.raw):
        os.utime(path, (long_ago, long_ago))
    assert memory.of("x", "https://a") == document  # this one is of use
    store.sweep()
    assert memory.of("x", "https://a") == document
    assert memory.of("x", "https://b") is None
    assert list((store.raw / ".gathered").iterdir()) == []
    assert (store.raw / document.sha256).is_file()


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))

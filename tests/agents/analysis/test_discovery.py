"""Partitions are found by file, glob and URL, and have another key when anything has changed."""

import os
from pathlib import Path

import pytest

from agents.analysis.collecting.names import name_of
from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.discovery import NothingThere, discover_partitions
from agents.analysis.models import Partition
from agents.analysis.quarantine import mend
from agents.analysis.sample.serving import serving
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.services.fetching.fetcher import Fetcher

CONTRACT = Contract(name="x", time="at", columns={"at": Column(type="time")})


async def found(tmp_path: Path, *locations: str, matching: str = "*") -> list[Partition]:
    study = Study(name="x", sources=(Source(contract=CONTRACT, locations=locations),))
    async with Fetcher(tmp_path / "store") as fetcher:
        return (await discover_partitions(study, fetcher, matching)).partitions


@pytest.mark.parametrize(
    "location,name",
    [
        ("https://example.com/d/Sales 2024.csv.gz?token=x", "sales-2024"),
        ("/data/../a.JSONL", "a"),
        ("http://example.com/", "all"),
        ("x.tar", "x.tar"),
    ],
)
def test_a_partition_is_named_after_its_file(location: str, name: str) -> None:
    assert name_of(location) == name


async def test_globs_and_patterns(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).write_text("at\n", encoding="utf-8")
    some = await found(tmp_path, str(tmp_path / "*.csv"))
    assert [one.name for one in some] == ["a", "b"]
    assert [one.name for one in await found(tmp_path, str(tmp_path / "*.csv"), matching="b*")] == [
        "b"
    ]
    with pytest.raises(NothingThere):
        await found(tmp_path, str(tmp_path / "*.parquet"))
    with pytest.raises(NothingThere):
        await found(tmp_path, str(tmp_path / "d.csv"))


async def test_two_files_with_the_same_name_are_two_partitions(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text("at\n", encoding="utf-8")
    some = await found(tmp_path, str(tmp_path / "*" / "x.csv"))
    assert [one.name for one in some] == ["a-x", "b-x"]


async def test_folders_name_columns_that_the_contract_has(tmp_path: Path) -> None:
    (tmp_path / "at=2025-01-01" / "other=1").mkdir(parents=True)
    (tmp_path / "at=2025-01-01" / "other=1" / "x.csv").write_text("n\n1\n", encoding="utf-8")
    (one,) = await found(tmp_path, str(tmp_path / "**" / "*.csv"))
    assert (one.name, one.folders) == ("at-2025-01-01-other-1-x", {"at": "2025-01-01"})


async def test_a_location_that_cannot_be_had_keeps_no_other_from_being_found(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.csv").write_text("at\n", encoding="utf-8")
    locations = (str(tmp_path / "gone.csv"), str(tmp_path / "a.csv"), "http://127.0.0.1:1/b.csv")
    study = Study(name="x", sources=(Source(contract=CONTRACT, locations=locations),))
    async with Fetcher(tmp_path / "store") as fetcher:
        seen = await discover_partitions(study, fetcher)
    assert [one.name for one in seen.partitions] == ["a"]
    assert list(seen.unreached) == ["x/gone", "x/b"]
    assert "is not fetched" in seen.unreached["x/b"]


async def test_a_partition_has_another_key_when_file_or_corrections_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StudyStore, "folder", tmp_path / "study")
    path = tmp_path / "a.csv"
    path.write_text("at\n", encoding="utf-8")
    (first,) = await found(tmp_path, str(path))
    assert (await found(tmp_path, str(path)))[0].key == first.key
    os.utime(path, ns=(1, 1))
    (second,) = await found(tmp_path, str(path))
    corrected = tmp_path / "mended.jsonl"
    corrected.write_text('{"line":2,"row":{"at":"2025-01-01"}}\n', encoding="utf-8")
    mend(StudyStore("x"), "x", "a", corrected)
    (third,) = await found(tmp_path, str(path))
    assert len({first.key, second.key, third.key}) == 3


async def test_the_etag_of_a_url_shows_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_text("at\n", encoding="utf-8")
    with serving(folder) as server:
        async with Fetcher(tmp_path / "store", frozenset({server.host})) as fetcher:
            url = server.url(folder / "a.csv")
            study = Study(name="x", sources=(Source(contract=CONTRACT, locations=(url,)),))
            (before,) = (await discover_partitions(study, fetcher)).partitions
            assert (await discover_partitions(study, fetcher)).partitions[0].key == before.key
            (folder / "a.csv").write_text("at\n2025-01-01\n", encoding="utf-8")
            assert (await discover_partitions(study, fetcher)).partitions[0].key != before.key
        assert server.asked["GET", "a.csv"] == 0

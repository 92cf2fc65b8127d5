"""Figures of a source or partition outside of what its contract expects are named with their bounds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from agents.analysis.cleaning.series import Times
from agents.analysis.contract import Contract, Gap
from agents.analysis.expectations import breaches, refused
from agents.analysis.models import Cleaned, Dataset, Part
from agents.analysis.published_gaps import write_gaps, write_lost
from agents.analysis.study import Source, Study


def study(**expects: Any) -> Study:
    contract = Contract.model_validate(
        {
            "name": "x", "time": "at", "gaps": {"every": 3600}, "expects": expects,
            "columns": {"at": {"type": "time"}},
        }
    )  # fmt: skip
    return Study(name="x", sources=(Source(contract=contract, locations=("x.csv",)),))


def published(folder: Path, *hours: list[int]) -> Dataset:
    """A dataset with a part for each list of ages in hours."""
    now, parts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0), []
    for number, ages in enumerate(hours):
        name = f"{number}-{len(ages)}.parquet"
        rows = pd.DataFrame({"at": [pd.Timestamp(now - timedelta(hours=age)) for age in ages]})
        rows.to_parquet(folder / name)
        parts.append(Part(source="x", name=str(number), file=name, rows=len(ages), sha256="0" * 64))
    return Dataset(study="x", folder=folder, parts=tuple(parts))


def one(rows: int, gaps: int = 0) -> Cleaned:
    return Cleaned(
        rows=rows, good=rows, quarantined=0, deduplicated=0, rules={}, discarded={}, part="p",
        sha256="0" * 64, gaps=gaps, times=rows + gaps,
    )  # fmt: skip


@pytest.mark.parametrize(
    "expects,found",
    [
        ({"rows": {"low": 3}}, ["x/1: rows is 2, expected 3.."]),
        ({"rows": {"low": 2, "high": 3}}, ["x/0: rows is 4, expected 2..3"]),
        ({"change": {"low": 0.5, "high": 2}}, ["x: change is 3, expected 0.5..2"]),
        ({"hours_old": {"high": 4}}, ["x: hours_old is 5"]),
        ({"complete": {"low": 0.7}}, ["x/1: complete is 0.5, expected 0.7.."]),
        ({"rows": {"low": 2}, "change": {"high": 3}, "hours_old": {"high": 7}}, []),
    ],
)
def test_a_figure_outside_of_its_bounds(
    tmp_path: Path, expects: dict[str, Any], found: list[str]
) -> None:
    before, after = published(tmp_path, [9, 8]), published(tmp_path, [9, 8, 7, 6], [6, 5])
    cleaned = {("x", "0"): one(4), ("x", "1"): one(2, gaps=2)}
    given = breaches(study(**expects), before, after, cleaned)
    assert [f"{b.where}: {b}"[: len(text)] for b, text in zip(given, found, strict=True)] == found


def test_only_what_is_declared_so_refuses(tmp_path: Path) -> None:
    after, cleaned = published(tmp_path, [9, 8]), {("x", "0"): one(2, gaps=2)}
    by = study(rows={"low": 3}, complete={"low": 0.7}, hours_old={"high": 1, "breach": "alert"})
    found = breaches(by, None, after, cleaned)
    assert len(found) == 3
    assert refused(found) == {"x/0": "rows is 2, expected 3..; complete is 0.5, expected 0.7.."}


def test_gaps_between_partitions_are_listed(tmp_path: Path) -> None:
    files = write_gaps(study(), published(tmp_path, [9, 8], [5, 4, 2]))
    lines = files["x"].read_text().splitlines()
    assert len(lines) == 2
    assert '"missing":2' in lines[0]
    assert write_gaps(study(), published(tmp_path, [3, 2, 1])) == {}
    assert not files["x"].exists()


def test_rows_that_differ_from_those_of_other_partitions_are_counted(tmp_path: Path) -> None:
    body = {
        "name": "x",
        "columns": {"zip": {"type": "text"}, "city": {"type": "text"}},
        "dependencies": [{"by": "zip", "same": "city"}],
        "differing": {"high": 1, "breach": "alert"},
    }
    contract = Contract.model_validate(body)
    zips, cities = ["12", "11", "2"], [["Ulm", "Bonn"], ["Ulm", "Ulmm"], ["Trier", "Ulm"]]
    parts = []
    for number, (by, city) in enumerate(zip(zips, cities, strict=True)):
        table = pd.DataFrame({"zip": [*by, None][:2], "city": city})
        table.astype("string").to_parquet(tmp_path / f"{number}")
        parts.append(Part(source="x", name=f"{number}", file=f"{number}", rows=2, sha256="0" * 64))
    dataset = Dataset(study="x", folder=tmp_path, parts=tuple(parts))
    study_of = Study(name="x", sources=(Source(contract=contract, locations=("x.csv",)),))
    (breach,) = breaches(study_of, None, dataset, {})
    assert str(breach) == "differing is 3, expected ..1"
    lines = [
        orjson.loads(line) for line in (tmp_path / "differing-x.jsonl").read_bytes().splitlines()
    ]
    assert [(r["partition"], r["found"], r["most_frequent"]) for r in lines] == [
        ("0", "Bonn", None), ("1", "Ulmm", "Ulm"), ("2", "Trier", None),
    ]  # fmt: skip
    whole = dataset.model_copy(update={"parts": dataset.parts[:1]})
    assert breaches(study_of, None, whole, {}) == []
    assert not (tmp_path / "differing-x.jsonl").exists()


def test_a_time_that_any_quarantine_has_is_not_absent(tmp_path: Path) -> None:
    """The row of the gap between two partitions is in the quarantine of a third one."""
    dataset = published(tmp_path, [9, 8], [5, 4])
    folders = [tmp_path / str(number) for number in range(2)]
    parts = []
    for folder, part in zip(folders, dataset.parts, strict=True):
        folder.mkdir()
        (tmp_path / part.file).rename(folder / "part.parquet")
        parts.append(part.model_copy(update={"file": f"{folder.name}/part.parquet"}))
    dataset = dataset.model_copy(update={"parts": tuple(parts)})
    (contract,) = [source.contract for source in study().sources]
    assert contract.gaps is not None
    latest = pd.read_parquet(folders[1] / "part.parquet")["at"].max()
    bad = pd.DataFrame({"at": [latest - timedelta(hours=2), latest + timedelta(hours=9)]})
    for gap, quarantined in ((contract.gaps, 1), (Gap(every=60), 0)):
        times = Times("at", gap)
        times.add(bad[:0], bad)
        assert write_lost(times, folders[0] / "lost.parquet")
        (line,) = write_gaps(study(), dataset)["x"].read_text().splitlines()
        assert f'"missing":2,"quarantined":{quarantined}' in line

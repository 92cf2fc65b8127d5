"""Quarantined rows name every broken rule; the export disarms formulas, the file keeps them."""

import csv
from pathlib import Path

import orjson
import pytest

from agents.analysis.models import Dataset, Part
from agents.analysis.quarantine import (
    BadCorrection,
    NothingPublished,
    corrections_digest,
    export,
    mend,
    quarantined_rows,
)
from agents.analysis.study_store import StudyStore
from agents.runtime.settings import settings

RECORDS = [
    {
        "line": 3,
        "reasons": [{"column": "n", "rule": "type", "found": "x"}, {"column": "m", "rule": "missing", "found": ""}],
        "row": {"n": "x"},
    },
    {"line": 9, "reasons": [{"column": "", "rule": "ragged", "found": ""}], "raw": "=cmd|' /C calc'!A0,1"},
]  # fmt: skip


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    store = StudyStore("x")
    folder = store.folder / "clean"
    folder.mkdir(parents=True)
    (folder / "quarantine.jsonl").write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in RECORDS))
    part = Part(source="x", name="a", file="clean/part.parquet", rows=1, sha256="0" * 64)
    store.publish(Dataset(study="x", folder=store.folder, parts=(part,)))
    return "x"


def test_every_broken_rule_is_named(study: str) -> None:
    first, second = quarantined_rows(study)
    assert first.rules == "n: type, m: missing"
    assert (second.rules, second.cells) == ("ragged", "=cmd|' /C calc'!A0,1")
    with pytest.raises(NothingPublished, match="run data analysis first"):
        list(quarantined_rows("y"))


def test_a_corrected_number_stays_as_it_is_written(study: str, tmp_path: Path) -> None:
    corrected = tmp_path / "corrected.jsonl"
    corrected.write_text('{"line": 3, "row": {"n": 9007199254740993, "m": 9007199254740993.5}}\n')
    mend(StudyStore(study), "x", "a", corrected)
    digest = corrections_digest(StudyStore(study), "x", "a")
    kept = orjson.loads((StudyStore(study).folder / "corrections" / f"{digest}.json").read_bytes())
    assert kept == [[3, {"n": 9007199254740993, "m": "9007199254740993.5"}]]
    corrected.write_text('{"line": 3, "row": {"n": 99999999999999999999}}\n')
    with pytest.raises(BadCorrection, match=r"line 1: row\.n the integer does not fit 64 bits"):
        mend(StudyStore(study), "x", "a", corrected)


def test_a_spreadsheet_shows_formulas_and_does_not_run_them(study: str, tmp_path: Path) -> None:
    assert export(study, tmp_path / "out.csv") == 2
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["row"].startswith("'=cmd")
    assert rows[0]["row"] == '{"n":"x"}'

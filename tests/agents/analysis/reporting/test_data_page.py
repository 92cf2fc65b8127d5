"""The report about data says what is wrong, which rules are broken by what, and what the runs before had."""

from pathlib import Path

import orjson
import pytest

from agents.analysis.contract import Contract
from agents.analysis.report import AnalysisReport, SourceReport
from agents.analysis.reporting.data_page import KEPT, RUNS, write_data_page
from agents.analysis.reporting.rule_rows import rule_rows
from agents.analysis.study import Source, Study
from agents.runtime.settings import settings

CONTRACT = Contract.model_validate(
    {
        "name": "x",
        "time": "at",
        "key": ["at"],
        "steady": [{"columns": "n", "by": "site"}],
        "columns": {
            "at": {"type": "time", "required": True},
            "site": {"type": "text"},
            "n": {"type": "integer", "low": 0, "bad": "discard-value"},
        },
        "checks": ["n < 100"],
    }
)
STUDY = Study(name="x", sources=(Source(contract=CONTRACT, locations=("a.csv",)),))
SOURCE = SourceReport(
    source="x", partitions=1, refused=0, rows=10_000, good=9_996, quarantined=4, deduplicated=0,
    rules={"at: missing": 3, "n < 100": 1}, discarded={"n: range": 5}, gaps=0,
    warned={"at: out of order": 2},
)  # fmt: skip


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean part beside the quarantine of its partition."""
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    reason = {"column": "at", "rule": "missing", "found": "<b>"}
    row = {"at": "2025-03-01T05:00Z", "site": "north", "n": "1"}
    lines = [
        orjson.dumps({"line": n, "reasons": [reason], "row": row | {"at": f"2025-03-0{n}T05:00Z"}})
        for n in range(1, 9)
    ]
    (tmp_path / "quarantine.jsonl").write_bytes(b"\n".join(lines))
    return tmp_path / "part.parquet"


def test_rules_are_ordered_by_rows_and_those_that_all_rows_pass_are_counted(part: Path) -> None:
    rows, passed = rule_rows(CONTRACT, SOURCE, [part])
    assert [(one.rule, one.broken, one.share, one.effect) for one in rows] == [
        ("at: missing", 3, "under 0.1%", "row quarantined"),
        ("n < 100", 1, "under 0.1%", "row quarantined"),
        ("n: range", 5, "under 0.1%", "value discarded"),
        ("at: out of order", 2, "under 0.1%", "only warned of"),
    ]
    assert rows[0].examples == "line 1: '<b>'; line 2: '<b>'; line 3: '<b>'"
    assert rows[0].where == "all site north, 2025-03-01 05:00 to 2025-03-08 05:00"
    assert rows[1].where == ""
    assert passed == 4  # the types, and key: other values


def test_each_run_is_added_and_cells_are_escaped(part: Path) -> None:
    report = AnalysisReport(
        study="x", sources=[SOURCE], processed=1, failures={"x/a": "gone"}, seconds=1.0
    )
    page = ""
    for _ in range(2):
        said = ["x: n of site north since 2025-03-01"]
        page = write_data_page(STUDY, report, {"x": [part]}, said).read_text("utf-8")
    assert "x/a</span>: gone" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("nothing</span>") == 2
    assert page.count("data:image/png") == 1
    assert "<li>x: n of site north since 2025-03-01</li>" in page
    assert "Nothing is published yet" in page
    runs = settings().data / "analysis" / "x" / RUNS
    runs.write_bytes(runs.read_bytes() * KEPT)
    write_data_page(STUDY, report, {})
    assert len(runs.read_bytes().splitlines()) == KEPT

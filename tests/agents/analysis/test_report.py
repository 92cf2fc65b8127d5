"""The counts of a report add up."""

from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.models import Cleaned, Dataset, Partition
from agents.analysis.report import report_of
from agents.analysis.study_store import StudyStore

CONTRACT = Contract(name="x", time="at", columns={"at": Column(type="time")})


def partition(name: str) -> Partition:
    return Partition(
        study="x", source="x", name=name, location=name, validator="1", contract=CONTRACT
    )


def test_partitions_are_summed_up_by_source() -> None:
    cleaned = Cleaned(
        rows=1_000, good=990, quarantined=8, deduplicated=2, rules={"n: type": 8},
        discarded={"m: range": 3}, repaired={"s: trimmed": 2}, warned={"m: outlier": 1}, gaps=4,
        part="p", sha256="0" * 64,
    )  # fmt: skip
    outcomes = [(partition("a"), cleaned), (partition("b"), cleaned)]
    dataset = Dataset(study="x", folder=StudyStore("x").folder, parts=())
    report = report_of("x", outcomes, dataset)
    assert {row["outcome"]: row["rows"] for row in report.rows()} == {
        "good": "1,980",
        "quarantined, n: type": "16",
        "duplicates": "4",
        "value discarded, m: range": "6",
        "value repaired, s: trimmed": "4",
        "only warned of, m: outlier": "2",
        "missing times": "8",
    }
    assert report.status() == 0


def test_a_failed_partition_has_its_reason_and_nothing_is_published() -> None:
    report = report_of("x", [(partition("a"), None)], None)
    report.failures = {"x/a": "contract broken"}
    assert report.status() == 1
    assert report.notes()[0] == "failed: x/a: contract broken"
    assert "nothing is published" in report.notes()[1]


def test_rare_rules_are_counted_together() -> None:
    rules = {f"c{n}: type": n + 1 for n in range(9)}
    cleaned = Cleaned(
        rows=45, good=0, quarantined=45, deduplicated=0, rules=rules, discarded={}, part="p",
        sha256="0" * 64,
    )  # fmt: skip
    counts = report_of("x", [(partition("a"), cleaned)], None).sources[0].outcomes()
    assert counts["quarantined, other rules"] == 1 + 2 + 3
    assert sum(counts.values()) == 45

"""What a run tells of its rows adds up."""

from agents.analysis.models import Cleaned, Column, Contract, Dataset, Partition
from agents.analysis.report import report_of
from agents.analysis.storehouse import Storehouse

CONTRACT = Contract(name="x", time="at", columns={"at": Column(type="time")})


def partition(name: str) -> Partition:
    return Partition(
        study="x", source="x", name=name, location=name, validator="1", contract=CONTRACT
    )


def test_partitions_are_summed_up_by_source() -> None:
    cleaned = Cleaned(
        rows=1_000, good=990, quarantined=8, deduplicated=2, rules={"n: type": 8},
        discarded={"m: range": 3}, gaps=4, part="p", sha256="0" * 64,
    )  # fmt: skip
    outcomes = [(partition("a"), cleaned), (partition("b"), cleaned)]
    dataset = Dataset(study="x", folder=Storehouse("x").folder, parts=())
    report = report_of("x", outcomes, dataset)
    (row,) = report.rows()
    assert (row["rows"], row["good"], row["quarantined"], row["duplicates"], row["gaps"]) == (
        "2,000", "1,980", "16", "4", "8",
    )  # fmt: skip
    assert row["main rules"] == "n: type (16), m: range (6)"
    assert report.status() == 0


def test_a_refused_partition_is_told_and_nothing_is_published() -> None:
    report = report_of("x", [(partition("a"), None)], None)
    report.refused = {"contract broken": "1 partitions"}
    assert report.status() == 1
    assert report.notes()[0] == "refused: contract broken: 1 partitions"
    assert "nothing is published" in report.notes()[1]

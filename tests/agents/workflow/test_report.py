"""What the report of any run says: every outcome that must be seen, reasons, messages and pace."""

from agents.runtime import RunStats
from agents.workflow.report import RunReport


def report(words: tuple[str, ...] = ("approved",)) -> RunReport:
    stats = RunStats()
    for _ in range(1_200):
        stats.count("approved")
    stats.count("elsewhere", "held by another process")
    for number, count in enumerate([1, 5, 2, 3, 4]):
        for _ in range(count):
            stats.count("rejected", f"reason {number}")
    stats.metrics["messages sent"] += 1_200
    return RunReport.of(stats, "invoices", 4.0, words)


def test_its_own_words_come_first_then_what_always_counts_then_the_rest() -> None:
    found = report(("approved", "refused"))
    assert found.outcomes == {
        "approved": 1_200,
        "refused": 0,
        "rejected": 15,
        "waiting": 0,
        "dead-lettered": 0,
        "elsewhere": 1,
    }
    assert [row["invoices"] for row in found.rows()] == ["1,200", "0", "15", "0", "0", "1"]


def test_a_row_has_its_main_reasons_first_and_at_most_four() -> None:
    rows = {row["outcome"]: row for row in report().rows()}
    assert rows["rejected"]["main reasons"] == (
        "reason 1 (5), reason 4 (4), reason 3 (3), reason 2 (2)"
    )
    assert "waiting for approval" in rows
    assert "held by another process" in rows


def test_the_headline_and_the_notes() -> None:
    found = report()
    assert found.headline() == "1,216 invoices in 4.0 s (304 invoices/s)"
    assert found.notes() == ["messages: 1,200 sent"]
    found.rejects_file = "r.jsonl"
    assert found.notes()[1:] == ["rejected lines: r.jsonl"]
    assert found.status() == 0
    assert RunReport.of(RunStats(), "invoices", 0.0).headline().endswith("(0 invoices/s)")

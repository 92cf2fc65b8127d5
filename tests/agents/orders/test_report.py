"""What a run tells of itself: counts, reasons, money and pace, as data, table and Markdown."""

import pytest

from agents.orders.report import OrderReport, markdown, money, report_of
from agents.runtime.model.batch import RunStats


@pytest.fixture
def report() -> OrderReport:
    stats = RunStats()
    for _ in range(1_200):
        stats.count("shipped", "", {"captured USD": 1_000, "refunded USD": 0})
    stats.count("refunded", "no carrier", {"captured USD": 500, "refunded USD": 500})
    for number, count in enumerate([1, 5, 2, 3, 4]):
        for _ in range(count):
            stats.count("rejected", f"reason {number}")
    stats.metrics["messages sent"] += 1_216
    return report_of(stats, seconds=4.0)


def test_every_outcome_has_its_row_and_rare_ones_only_when_they_occur(report: OrderReport) -> None:
    assert list(report.outcomes) == ["shipped", "refunded", "rejected", "waiting", "dead-lettered"]
    stats = RunStats()
    stats.count("already done")
    stats.count("elsewhere")
    assert list(report_of(stats, 1).outcomes)[5:] == ["already done", "elsewhere"]


def test_the_headline_says_how_many_and_how_fast(report: OrderReport) -> None:
    assert report.headline() == "1,216 orders in 4.0 s (304 orders/s)"
    assert report_of(RunStats(), seconds=0.0).headline() == "0 orders in 0.0 s (0 orders/s)"


def test_a_row_has_its_main_reasons_first_and_at_most_four(report: OrderReport) -> None:
    rows = {row["outcome"]: row for row in report.rows()}

    assert rows["shipped"] == {"outcome": "shipped", "orders": "1,200", "main reasons": ""}
    assert rows["rejected"]["main reasons"] == (
        "reason 1 (5), reason 4 (4), reason 3 (3), reason 2 (2)"
    )
    assert rows["waiting for approval"]["orders"] == "0"


def test_money_is_shown_by_currency_in_its_own_units() -> None:
    stats = RunStats()
    stats.count("shipped", "", {"captured JPY": 1_500, "captured USD": 1_234_500})

    assert money(report_of(stats, 1.0)) == [
        "JPY 1,500 captured, JPY 0 refunded",
        "USD 12,345.00 captured, USD 0.00 refunded",
    ]


def test_notes_say_where_to_look_next(report: OrderReport) -> None:
    report.report_file, report.rejects_file = "r.md", "r.rejected.jsonl"

    assert report.notes() == [
        "USD 12,005.00 captured, USD 5.00 refunded",
        "messages to customers: 1,216 sent",
        "report: r.md",
        "rejected lines: r.rejected.jsonl",
    ]


def test_the_chart_shows_the_most_in_full_and_nothing_that_exists_as_nothing(
    report: OrderReport,
) -> None:
    text = markdown(report)

    bars = {line.split()[0]: line.count("█") for line in text.splitlines() if "█" in line}
    assert bars == {"shipped": 40, "refunded": 1, "rejected": 1}
    assert "| rejected | 15 | reason 1 (5)" in text


def test_a_reason_cannot_break_the_table() -> None:
    stats = RunStats()
    stats.count("rejected", "a|b")

    assert "| rejected | 1 | a\\|b (1) |" in markdown(report_of(stats, 1.0))


def test_a_run_that_moved_no_money_says_so() -> None:
    assert "No money moved in this run." in markdown(report_of(RunStats(), 1.0))

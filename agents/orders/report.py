"""What a run of order processing did: as data, as a table, as Markdown with a chart."""

from collections.abc import Sequence

from agents.runtime import RunStats
from agents.workflow.money import format_money
from agents.workflow.report import NAMES, RunReport, message_lines, metrics

WORDS = ("shipped", "refunded")  # the outcomes that a report always shows, beside those of any run
BAR = 40


class OrderReport(RunReport):
    """The report of any run, with the money that moved, in minor units by currency."""

    captured: dict[str, int]
    refunded: dict[str, int]
    report_file: str = ""

    def notes(self) -> list[str]:
        """Money, messages and where to look next."""
        return [
            *money(self),
            *self.standing_lines(),
            *message_lines(self.messages, "messages to customers"),
            f"report: {self.report_file}",
            *([f"rejected lines: {self.rejects_file}"] if self.rejects_file else []),
        ]


def report_of(stats: RunStats, seconds: float) -> OrderReport:
    """The report of a run that took `seconds`."""
    captured, refunded = metrics(stats, "captured "), metrics(stats, "refunded ")
    return OrderReport.of(stats, "orders", seconds, WORDS, captured=captured, refunded=refunded)


def money(report: OrderReport) -> list[str]:
    """Lines that say what was captured and refunded, by currency."""
    return [
        f"{format_money(amount, currency)} captured, "
        f"{format_money(report.refunded.get(currency, 0), currency)} refunded"
        for currency, amount in sorted(report.captured.items())
    ]


def markdown(report: OrderReport) -> str:
    """The report for people, with a bar chart of the outcomes."""
    rows = report.rows()
    lines = [
        f"# {report.headline()}",
        "",
        "; ".join(money(report)) or "No money moved in this run.",
        "",
        "```text",
        *_chart(report.outcomes),
        "```",
        "",
        "| outcome | orders | main reasons |",
        "| --- | ---: | --- |",
        *(f"| {r['outcome']} | {r['orders']} | {_cell(r['main reasons'])} |" for r in rows),
        "",
    ]
    if messages := message_lines(report.messages, "Messages to customers"):
        lines += [*(f"{line}." for line in messages), ""]
    return "\n".join(lines)


def _chart(outcomes: dict[str, int]) -> Sequence[str]:
    most = max(outcomes.values(), default=0) or 1
    width = max(len(NAMES.get(word, word)) for word in outcomes)
    return [
        f"{NAMES.get(word, word):>{width}} {'█' * max(round(BAR * n / most), n > 0)} {n:,}"
        for word, n in outcomes.items()
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

"""What a run of order processing did: as data, as a table, as Markdown with a chart."""

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel

from agents.orders.rules import format_money
from agents.runtime.model.batch import RunStats

ROWS = ("shipped", "refunded", "rejected", "waiting", "dead-lettered", "already done", "elsewhere")
ALWAYS_SHOWN = ROWS[:5]
NAMES = {"waiting": "waiting for approval", "elsewhere": "held by another process"}
MAIN_REASONS = 4
BAR = 40


class OrderReport(BaseModel):
    """Counts by outcome, the main reasons, money in minor units by currency, and the pace."""

    orders: int
    outcomes: dict[str, int]
    reasons: dict[str, dict[str, int]]
    captured: dict[str, int]
    refunded: dict[str, int]
    messages: dict[str, int]
    seconds: float
    report_file: str = ""
    rejects_file: str = ""

    @property
    def orders_per_second(self) -> float:
        """Orders this run was through with, a second."""
        return self.orders / self.seconds if self.seconds else 0.0

    def headline(self) -> str:
        """Orders, time and pace in one line."""
        pace = f"{self.orders_per_second:,.0f} orders/s"
        return f"{self.orders:,} orders in {self.seconds:.1f} s ({pace})"

    def rows(self) -> list[dict[str, str]]:
        """One row an outcome, with its main reasons."""
        return [
            {
                "outcome": NAMES.get(word, word),
                "orders": f"{count:,}",
                "main reasons": self._reasons(word),
            }
            for word, count in self.outcomes.items()
        ]

    def notes(self) -> list[str]:
        """Money, messages and where to look next."""
        told = ", ".join(f"{count:,} {word}" for word, count in self.messages.items())
        return [
            *money(self),
            *([f"messages to customers: {told}"] if told else []),
            f"report: {self.report_file}",
            *([f"rejected lines: {self.rejects_file}"] if self.rejects_file else []),
        ]

    def status(self) -> int:
        """The exit status of its command: whatever became of the orders, the run did its work."""
        return 0

    def _reasons(self, word: str) -> str:
        return ", ".join(f"{r} ({n})" for r, n in self.reasons.get(word, {}).items())


def report_of(stats: RunStats, seconds: float) -> OrderReport:
    """The report of a run that took `seconds`."""
    reasons = {word: dict(c.most_common(MAIN_REASONS)) for word, c in stats.reasons.items()}
    return OrderReport(
        orders=stats.done,
        outcomes={word: stats.outcomes[word] for word in _rows(stats.outcomes)},
        reasons=reasons,
        captured=_measured(stats, "captured "),
        refunded=_measured(stats, "refunded "),
        messages=_measured(stats, "messages "),
        seconds=seconds,
    )


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
        "; ".join(money(report)) or "No money moved.",
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
    if report.messages:
        told = ", ".join(f"{count:,} {word}" for word, count in report.messages.items())
        lines += [f"Messages to customers: {told}.", ""]
    return "\n".join(lines)


def _chart(outcomes: dict[str, int]) -> Sequence[str]:
    most = max(outcomes.values(), default=0) or 1
    width = max(len(NAMES.get(word, word)) for word in outcomes)
    return [
        f"{NAMES.get(word, word):>{width}} {'█' * max(round(BAR * n / most), n > 0)} {n:,}"
        for word, n in outcomes.items()
    ]


def _rows(outcomes: Counter[str]) -> list[str]:
    return [word for word in ROWS if outcomes[word] or word in ALWAYS_SHOWN]


def _measured(stats: RunStats, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): amount
        for name, amount in stats.metrics.items()
        if name.startswith(prefix)
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

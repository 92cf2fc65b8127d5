"""What an alert is: its rule, its unit test and its page of the runbook, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal

PREFIX = "agent-flows."
PAGES = "deployments/observability/runbook"
SECONDS_OF = {"s": 1, "m": 60, "h": 3_600}

Severity = Literal["page", "ticket"]


@dataclass(frozen=True, slots=True)
class UnitTest:
    """Series with which the rule fires, and others with which it does not.

    A value is one number that stays, or a sequence in the notation of promtool. `labels` are those of
    the alert that fires.
    """

    fires: Mapping[str, str]
    quiet: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """What a person reads: what it means, where to look first, what to do, and when it is over.

    `look` are commands of this project.
    """

    means: str
    look: tuple[str, ...]
    do: tuple[str, ...]
    over: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: a person must act.

    Args:
        word: Its name. Where the product itself tells people by an event, it has the same name.
        severity: `page`: now, also at night. `ticket`: on a working day.
        expr: PromQL; `$window` is the window of rates and `$limit` the limit in seconds.
        summary: One line, with labels of the alert in Prometheus' notation.
        page: Its page of the runbook.
        test: Its unit test.
        wait: How long `expr` holds before the alert fires, such as 5m.
        window: How far back rates look.
        limit: The limit in seconds, where the rule has one.

    """

    word: str
    severity: Severity
    expr: str
    summary: str
    page: Page
    test: UnitTest
    wait: str = "5m"
    window: str = "5m"
    limit: float = 0.0

    @property
    def name(self) -> str:
        """The name of the alert, which is that of the product's event."""
        return PREFIX + self.word

    @property
    def path(self) -> str:
        """The page of the runbook, from the root of the project."""
        return f"{PAGES}/{self.word}.md"

    def expression(self, longest: float = inf) -> str:
        """The rule's PromQL; in a drill no window and no limit is longer than `longest` seconds."""
        window = shortened(self.window, longest)
        return self.expr.replace("$window", window).replace(
            "$limit", f"{min(self.limit, longest):g}"
        )


def seconds_of(duration: str) -> float:
    """The seconds of a duration such as 5m."""
    return float(duration[:-1]) * SECONDS_OF[duration[-1]]


def shortened(duration: str, longest: float) -> str:
    """The duration, or `longest` seconds if it is longer."""
    return duration if seconds_of(duration) <= longest else f"{longest:g}s"

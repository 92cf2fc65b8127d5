"""Counts of a run, for its progress and its report: how items turned out, why, and how much."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

REASON_LENGTH = 100

watcher: ContextVar[Callable[["Tally"], None] | None] = ContextVar("watcher", default=None)


@dataclass(slots=True)
class Tally:
    """What became of the items of one run; grows by counts only, never by items."""

    expected: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    measures: Counter[str] = field(default_factory=Counter)
    stages: dict[str, Counter[str]] = field(default_factory=dict)

    def count(
        self, outcome: str, reason: str = "", measures: Mapping[str, int] | None = None
    ) -> None:
        """One more item turned out so."""
        self.outcomes[outcome] += 1
        if reason:
            self.reasons.setdefault(outcome, Counter())[reason[:REASON_LENGTH]] += 1
        self.measures.update(measures or {})

    def passed(self, agent: str, outcome: str, items: int) -> None:
        """So many items came out of an agent so."""
        self.stages.setdefault(agent, Counter())[outcome] += items

    def show(self) -> None:
        """Tell whoever watches the run."""
        if (tell := watcher.get()) is not None:
            tell(self)

    @property
    def done(self) -> int:
        """Items that this run is through with."""
        return self.outcomes.total()


def reason_of(error_type: str, error: str) -> str:
    """A reason that many items can share: the error's name in words, or the text of a plain one."""
    if error_type in {"TransientError", "UnknownOutcome", "TimeoutError"}:
        return error
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error_type).lower()

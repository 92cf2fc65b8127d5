"""Many work items on their way through a scenario, and the counts of a run."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from agents.runtime.model.item import Item
from agents.runtime.model.scenario import Scenario

REASON_LENGTH = 100

watcher: ContextVar[Callable[["RunStats"], None] | None] = ContextVar("watcher", default=None)


@dataclass(slots=True)
class RunStats:
    """What became of the items of one run; grows by counts only, never by items."""

    expected: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    metrics: Counter[str] = field(default_factory=Counter)
    steps: dict[str, Counter[str]] = field(default_factory=dict)

    def count(
        self, outcome: str, reason: str = "", metrics: Mapping[str, int] | None = None
    ) -> None:
        """One more item turned out so."""
        self.outcomes[outcome] += 1
        if reason:
            self.reasons.setdefault(outcome, Counter())[reason[:REASON_LENGTH]] += 1
        self.metrics.update(metrics or {})

    def passed(self, agent: str, outcome: str, items: int) -> None:
        """So many items came out of an agent so."""
        self.steps.setdefault(agent, Counter())[outcome] += items

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


class BatchContext:
    """What the batches of one trip through a flow share."""

    __slots__ = ("calls", "compensating", "delayed", "ended", "latest", "scenario", "stats")

    def __init__(self, scenario: Scenario, stats: RunStats) -> None:
        self.scenario, self.stats = scenario, stats
        self.calls: Counter[str] = Counter()
        self.compensating: list[Item] = []
        self.ended: list[Item] = []
        self.delayed: list[int] = []
        self.latest: Batch | None = None

    def call(self, agent: str) -> int:
        """Which call of the agent this is, counted from 0 for every batch anew."""
        self.calls[agent] += 1
        return self.calls[agent] - 1

    def finish(self) -> None:
        """Let go of all items: Prefect keeps spent batches alive for a while."""
        self.ended.clear()
        self.compensating.clear()
        if self.latest is not None:
            self.latest.take()
            self.latest = None


class Batch:
    """Many work items going through one task run.

    A plain class without iteration: Prefect neither looks inside it nor splits it, and still links
    the task runs it passes. A batch hands its items on, so a spent one is an empty shell.
    """

    __slots__ = ("_items", "context", "count")

    def __init__(self, context: BatchContext, items: list[Item]) -> None:
        self.context, self._items, self.count = context, items, len(items)
        context.latest = self

    def take(self) -> list[Item]:
        """The items, which this batch no longer holds from then on."""
        taken, self._items = self._items, []
        return taken

    def peek(self) -> tuple[Item, ...]:
        """The items, to look at."""
        return tuple(self._items)

    def __repr__(self) -> str:
        return f"{self.count} items"


ProcessBatch = Callable[[Batch], Awaitable[None]]
"""What a scenario does with every batch, whoever brings it."""

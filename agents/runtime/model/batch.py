"""A batch of work items that go through a flow together, and the counts of a run."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from agents.runtime.clock import clock
from agents.runtime.metrics import FENCED
from agents.runtime.model.item import Item, StepExecution
from agents.runtime.model.scenario import Scenario
from agents.runtime.telemetry import get_logger
from agents.runtime.trace_context import TraceContext

log = get_logger(__name__)

REASON_LENGTH = 100

watcher: ContextVar[Callable[["RunStats"], None] | None] = ContextVar("watcher", default=None)


@dataclass(slots=True)
class RunStats:
    """How the items of one run turned out. It holds counts only, so its size does not grow with them.

    `expected` is the number of items if it is known; `reasons` are counted for each outcome, and
    `steps` are the outcomes of each agent. `begun` is by the monotonic clock.
    """

    expected: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    metrics: Counter[str] = field(default_factory=Counter)
    steps: dict[str, Counter[str]] = field(default_factory=dict)
    begun: float = field(default_factory=lambda: clock().monotonic())

    def count(
        self, outcome: str, reason: str = "", metrics: Mapping[str, int] | None = None
    ) -> None:
        """Count one item by its outcome, with the reason and the scenario's metrics."""
        self.outcomes[outcome] += 1
        if reason:
            self.reasons.setdefault(outcome, Counter())[reason[:REASON_LENGTH]] += 1
        self.metrics.update(metrics or {})

    def count_step(self, agent: str, outcome: str, items: int) -> None:
        """Count `items` by the outcome of one agent's step."""
        self.steps.setdefault(agent, Counter())[outcome] += items

    def add(self, other: "RunStats") -> None:
        """Count what another process has counted for this run."""
        self.outcomes.update(other.outcomes)
        self.metrics.update(other.metrics)
        for mine, theirs in ((self.reasons, other.reasons), (self.steps, other.steps)):
            for name, counts in theirs.items():
                mine.setdefault(name, Counter()).update(counts)

    def show(self) -> None:
        """Pass the counts to the watcher of this run, if there is one."""
        if (watch := watcher.get()) is not None:
            watch(self)

    @property
    def done(self) -> int:
        """The number of items that this run has counted."""
        return self.outcomes.total()


def reason_of(error_type: str, error: str) -> str:
    """A reason that many items can share: the class of the error in words.

    The classes of errors.py say nothing about the cause, so for them it is the text of the error.
    """
    if error_type in {"TransientError", "UnknownOutcome", "TimeoutError"}:
        return error
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error_type).lower()


class BatchContext:
    """What the batches of one pass through a flow share.

    `unsent` counts the notices of ended items, by item, that are certainly unsent and tried again.
    `deferred` has, by item, the outcomes other than Done of steps whose items other steps may have in
    work as well; it is None where only one step runs. `riding` has the outcomes that the next commit
    writes; it is None outside of a saga, where no commit may follow. `released` are items that this process
    holds no more, each of which is counted once. `traced` is the span that steps on the batch belong to.
    """

    __slots__ = (
        "calls",
        "compensating",
        "deferred",
        "delayed",
        "ended",
        "latest",
        "released",
        "riding",
        "scenario",
        "stats",
        "traced",
        "unsent",
    )

    def __init__(self, scenario: Scenario, stats: RunStats) -> None:
        self.scenario, self.stats = scenario, stats
        self.calls: Counter[str] = Counter()
        self.compensating: list[Item] = []
        self.ended: list[Item] = []
        self.delayed: list[int] = []
        self.unsent: Counter[int] = Counter()
        self.deferred: dict[int, list[StepExecution]] | None = None
        self.riding: list[StepExecution] | None = None
        self.released: set[int] = set()
        self.latest: Batch | None = None
        self.traced: TraceContext | None = None

    def call(self, agent: str) -> int:
        """The number of this call of the agent, from 0 in each pass."""
        self.calls[agent] += 1
        return self.calls[agent] - 1

    def take_riding(self) -> list[StepExecution]:
        """Remove the outcomes that ride, for the transaction that writes them."""
        taken = self.riding or []
        if taken:
            self.riding = []
        return taken

    def count_lost(self, executions: Sequence[StepExecution]) -> None:
        """Count the items that another process has taken over."""
        for execution in executions:
            if execution.id in self.released:
                continue
            self.released.add(execution.id)
            FENCED.inc()
            self.stats.count("elsewhere", "taken over by another process")
            log.warning(
                "another process has taken the item over",
                item=execution.item.key,
                trace=execution.item.trace,
                agent=execution.agent,
            )

    def finish(self) -> None:
        """Drop all items, since Prefect keeps finished batches alive for a while."""
        self.ended.clear()
        self.compensating.clear()
        if self.latest is not None:
            self.latest.take()
            self.latest = None


class Batch:
    """The work items of one task run.

    This is a plain class without iteration, so Prefect neither inspects nor splits it and still links
    the task runs that pass it on. An agent takes the items out, so a finished batch is empty. `after`
    are the batches that it is made of, if it is not the result of one agent.
    """

    __slots__ = ("_items", "after", "context", "count")

    def __init__(
        self, context: BatchContext, items: list[Item], after: Sequence["Batch"] = ()
    ) -> None:
        self.context, self._items, self.count = context, items, len(items)
        self.after = after
        context.latest = self

    def take(self) -> list[Item]:
        """Remove the items from this batch and return them."""
        taken, self._items = self._items, []
        return taken

    def peek(self) -> tuple[Item, ...]:
        """The items, without removing them."""
        return tuple(self._items)

    def __repr__(self) -> str:
        return f"{self.count} items"


ProcessBatch = Callable[[Batch], Awaitable[None]]
"""A scenario's process for one batch: the same for a flow, a consumer and recovery."""

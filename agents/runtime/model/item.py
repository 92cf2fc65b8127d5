"""One work item: what is known of it, and the outcome of one agent's work on it."""

from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from agents.runtime.clock import clock
from agents.runtime.errors import PermanentError
from agents.runtime.model.lifecycle import State


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the outside, committed with the end of its item and sent afterwards."""

    topic: str
    channel: str
    body: str


SUPERSEDED = "superseded"  # the status of a compensation that is done once more, under a new key


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What the journal holds of one agent's work on an item."""

    status: str
    attempts: int
    output: str | None
    version: str


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect of an item: intended (its outcome is unknown), done or refused."""

    key: str
    status: str
    intended_at: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item cannot be finished."""

    agent: str
    error_type: str
    error: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about an item that an agent parked."""

    agent: str
    approved: bool
    by: str
    reason: str


Position = tuple[str, int]
Fact = TypeVar("Fact")


@dataclass(slots=True, eq=False)
class Item:
    """A work item in the hands of this process; `deadline` by time.monotonic()."""

    id: int
    tenant: str
    scenario: str
    key: str
    fence: int
    state: State
    trace: str
    payload: Any
    steps: dict[Position, StepRecord] = field(default_factory=dict)
    effects: dict[Position, Effect] = field(default_factory=dict)
    facts: dict[type, Any] = field(default_factory=dict)
    failure: Failure | None = None
    outcome: str | None = None
    decision: Decision | None = None
    deadline: float | None = None

    @property
    def remaining_seconds(self) -> float:
        """Seconds in which it may begin something new; what is compensated has no deadline."""
        if self.deadline is None or self.state is not State.PROCESSING:
            return inf
        return self.deadline - clock().monotonic()

    def compensation_occurrence(self, agent: str) -> int:
        """The occurrence of a compensation: how often it was done before the item was reopened."""
        return sum(
            name == agent and step.status == SUPERSEDED for (name, _), step in self.steps.items()
        )

    def decided(self, agent: str) -> Decision | None:
        """What a person decided about what this agent asked, if somebody has."""
        return self.decision if self.decision and self.decision.agent == agent else None

    def learn(self, fact: object) -> None:
        """Remember what an agent stated, for the agents after it."""
        if fact is not None:
            self.facts[type(fact)] = fact

    def fact(self, kind: type[Fact]) -> Fact | None:
        """What an agent stated, by its type."""
        found: Fact | None = self.facts.get(kind)
        return found


@dataclass(frozen=True, slots=True)
class Done:
    """It worked: the fact stated, and the same as JSON for the journal."""

    fact: Any
    output: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It can never work: the item is compensated. `clean`: the effect certainly did not happen."""

    failure: Failure
    clean: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person or another worker must act first."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delayed:
    """It may work `seconds` from now."""

    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """It cannot be finished without a person: a dead letter."""

    failure: Failure


Outcome = Done | Failed | Waiting | Delayed | DeadLettered

OUTCOME_WORDS: dict[type, str] = {
    Done: "done",
    Failed: "failed",
    Waiting: "waiting",
    Delayed: "delayed",
    DeadLettered: "dead_lettered",
}


@dataclass(slots=True)
class StepExecution:
    """One item at one stage: what one agent does to it in one task run.

    `unknown`: an earlier call may have happened; `halt`: why it must then only be found out whether
    it did.
    """

    item: Item
    agent: str
    version: str
    occurrence: int
    key: str
    attempts: int = 0
    unknown: bool = False
    intended_at: float = 0.0
    outcome: Outcome | None = None
    halt: PermanentError | None = None

    @property
    def id(self) -> int:
        """The item's id."""
        return self.item.id

    @property
    def fence(self) -> int:
        """The fence the item was claimed with."""
        return self.item.fence

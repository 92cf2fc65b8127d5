"""One work item, and the outcome of one agent's step on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any, TypeVar

from agents.runtime.clock import clock
from agents.runtime.errors import PermanentError
from agents.runtime.model.lifecycle import State
from agents.runtime.names import installation_of
from agents.runtime.trace_context import TraceContext


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to a customer or another system: committed with the end of its item, sent after it."""

    topic: str
    channel: str
    body: str


class NoticeStatus(StrEnum):
    """What became of a notice.

    `waiting`: certainly unsent, tried again. `sending`: a process calls. `unknown`: it may be sent and
    is not sent again. `failed`: refused for good. `dead_lettered`: unsent until its deadline.
    """

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DEAD_LETTERED = "dead_lettered"


RENEWED = "renewed"  # status of an effect whose next attempt has the key of the next generation
TICK = 1e-6  # seconds: what a double can add to a time of our days
SUPERSEDED = "superseded"  # status of a compensation that is repeated under a new key


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One agent's step on an item, as the journal stores it."""

    status: str
    attempts: int
    output: str | None
    version: str
    used: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect of an item. Its status is `intended` (outcome unknown), `done`, `refused` or `renewed`.

    `generation` counts the keys before this one, under which certainly nothing happened. A renewed
    effect has the key of the next generation, with which no call has been made. `spent`: the provider
    repeats a failure under this key.
    """

    key: str
    status: str
    intended_at: float
    generation: int = 0
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item cannot be completed."""

    agent: str
    error_type: str
    error: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """An operator's decision about an item that an agent parked."""

    agent: str
    approved: bool
    by: str
    reason: str


Position = tuple[str, int]
Fact = TypeVar("Fact")


@dataclass(slots=True, eq=False)
class Item:
    """A work item that this process holds; `deadline` is a time of `clock().monotonic()`.

    `traced` is the span that its steps belong to: that of its claim here, else what caused the item.
    `costs` is the forecast of what it uses of quotas, as its row has it.
    """

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
    traced: TraceContext | None = None
    costs: str | None = None

    @property
    def remaining_seconds(self) -> float:
        """Seconds until the deadline; infinite without one, and while the item is compensated."""
        if self.deadline is None or self.state is not State.PROCESSING:
            return inf
        return self.deadline - clock().monotonic()

    @property
    def begun_at(self) -> float:
        """When its first effect was intended, in seconds since 1970; infinite without one."""
        return min((effect.intended_at for effect in self.effects.values()), default=inf)

    @property
    def next_intent_at(self) -> float:
        """When an effect that is intended now is intended, in seconds since 1970.

        It is after the item's other effects, also those of the same tick of the clock, since effects
        are undone in the reverse order of these times.
        """
        now = clock().time()
        latest = max((effect.intended_at for effect in self.effects.values()), default=0.0)
        return latest + TICK if 0 <= latest - now < 1 else now

    def reference(self, installation: str) -> str:
        """Its name at outside systems, unique to the installation.

        An item whose effects an earlier release began keeps the name that it had there, since a
        provider refuses a known key with another reference.
        """
        if any(not installation_of(effect.key) for effect in self.effects.values()):
            return self.key
        return f"{installation}:{self.tenant}:{self.key}"

    def compensation_occurrence(self, agent: str) -> int:
        """The occurrence of a compensation: how often the item was reopened after it."""
        return sum(
            name == agent and step.status == SUPERSEDED for (name, _), step in self.steps.items()
        )

    def decision_for(self, agent: str) -> Decision | None:
        """The operator's decision about this agent's question, if there is one."""
        return self.decision if self.decision and self.decision.agent == agent else None

    def learn(self, fact: object) -> None:
        """Keep a fact that an agent stated, for the agents after it."""
        if fact is not None:
            self.facts[type(fact)] = fact

    def fact(self, kind: type[Fact]) -> Fact | None:
        """The fact of this type, if an agent has stated one."""
        found: Fact | None = self.facts.get(kind)
        return found


@dataclass(frozen=True, slots=True)
class Done:
    """The step succeeded: the fact, and the same as JSON for the journal.

    It is `presumed` if an effect that happens at most once may have happened and is not repeated.
    """

    fact: Any
    output: str
    presumed: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The step can never succeed, so the item is compensated. `clean`: no effect happened."""

    failure: Failure
    clean: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """An operator or another process must act first."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delayed:
    """The step is tried again `seconds` from now; if the item `leaves`, its run does not wait for it."""

    seconds: float
    error: str
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The item cannot be completed without an operator."""

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
    """One agent's step on one item, within one task run.

    `unknown`: an earlier call may have had its effect. `spent`: the key only brings failures, so a
    look-up comes first. `renewed`: the key is that of a later generation and was not used yet.
    `halt`: why no call may begin, so that only the outcome of the earlier call is settled. `needs`: the
    resources that it holds or waits for, `used`: what it says that it has used of quotas, and `used_before`
    what earlier executions of the step have said. `settles`: it began with an unknown outcome of an earlier
    call, so budgets have been charged for that. `instead`: which cheaper agent ran instead, and why.
    `begun` and `ended`, times of `clock().monotonic()`, are around its attempts: waits for a retry of
    at most a second are between them, longer ones are not. Of a call for a whole batch each item gets
    an equal share. Both are None where no call was made. `call` is the one in flight, if it is watched.
    `span` is the id of its span, once a call has begun.
    """

    item: Item
    agent: str
    version: str
    occurrence: int
    key: str
    attempts: int = 0
    unknown: bool = False
    intended_at: float = 0.0
    generation: int = 0
    spent: bool = False
    renewed: bool = False
    outcome: Outcome | None = None
    halt: PermanentError | None = None
    needs: Mapping[str, float] | None = None
    settles: bool = False
    used: dict[str, float] | None = None
    used_before: Mapping[str, float] | None = None
    instead: str | None = None
    begun: float | None = None
    ended: float | None = None
    call: Any = None
    span: str = ""

    @property
    def id(self) -> int:
        """The item's id."""
        return self.item.id

    @property
    def fence(self) -> int:
        """The fence that the item was claimed with."""
        return self.item.fence

    @property
    def used_in_total(self) -> dict[str, float]:
        """What all executions of the step say that they have used.

        An effect happens once, however often it is called: the latest word about it counts.
        """
        before, used = self.used_before or {}, self.used or {}
        if self.key:
            return {**before, **used}
        return {name: before.get(name, 0.0) + used.get(name, 0.0) for name in {**before, **used}}

    @property
    def did_nothing(self) -> bool:
        """Whether certainly nothing happened: no call was made, or an effect failed cleanly."""
        match self.outcome:
            case None | Done():
                return False
            case Failed(clean=clean) if self.key:
                return clean
            case Delayed() | Waiting() | DeadLettered() if self.key:
                return not self.unknown
        return self.begun is None

    @property
    def weight(self) -> tuple[int, float]:
        """How much its outcome counts beside those of other steps on the same item; most first.

        A failure counts most, since no other step can help the item; a cancellation before any other.
        A delay counts least, unless a person has decided about that step: waiting would ask again.
        """
        match self.outcome:
            case Failed(failure=failure):
                return 5 + failure.cancelled, 0.0
            case DeadLettered():
                return 4, 0.0
            case Waiting():
                return 2, 0.0
            case Delayed(seconds=seconds):
                return 3 if self.item.decision_for(self.agent) else 1, seconds
        return 0, 0.0


def decisive(executions: Iterable[StepExecution]) -> list[StepExecution]:
    """Of each item the execution whose outcome moves it; none of an item whose steps are all done."""
    found: dict[int, StepExecution] = {}
    for execution in executions:
        if isinstance(execution.outcome, Done):
            continue
        known = found.get(execution.id)
        if known is None or execution.weight > known.weight:
            found[execution.id] = execution
    return list(found.values())

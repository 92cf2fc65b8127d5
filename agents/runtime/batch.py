"""Work items on their way through a scenario, many at a time."""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from math import inf
from typing import Any, TypeVar

from pydantic import TypeAdapter

from agents.runtime.clock import clock
from agents.runtime.errors import AgentError
from agents.runtime.lifecycle import State
from agents.runtime.tally import Tally
from agents.runtime.upcasting import Upcasts, read


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the outside, committed with the end of its item and sent afterwards."""

    topic: str
    channel: str
    body: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the runtime must know of a business: its item and what the end of one means.

    `payload` is the type of an item's body, `outcome` gives the word for how an ended item turned
    out, `notices` what to tell the outside, `measures` amounts to sum up over a run; `deadline` the
    time from its acceptance after which an item begins nothing new and is compensated; `check` gives
    key and canonical body of one that was corrected by hand, or raises; `changeable` raises for a
    correction that comes too late: it gets the payload before and after, and the effects made.
    `upcasts` brings bodies of earlier versions into the form of `payload`.
    """

    name: str
    version: str
    payload: Any
    outcome: Callable[["Item"], str]
    notices: Callable[["Item"], Sequence[Notice]] = lambda _item: ()
    measures: Callable[["Item"], Mapping[str, int]] = lambda _item: {}
    deadline: Callable[[Any], timedelta | None] = lambda _payload: None
    check: Callable[[dict[str, Any]], tuple[str, str]] | None = None
    changeable: Callable[[Any, Any, frozenset[str]], None] = lambda _before, _after, _effects: None
    upcasts: Upcasts = field(default_factory=dict)

    def checked(self, key: str, body: dict[str, Any]) -> "Correction":
        """An item corrected by hand.

        Raises what `check` raises, KeyChanged if it is no longer the same item, and NotCorrectable.
        """
        if self.check is None:
            raise NotCorrectable(self.name)
        found, text = self.check(body)
        if found != key:
            raise KeyChanged(key, found)
        return Correction(self, text)

    def read(self, body: str, version: str) -> Any:
        """The payload in a body that this version of the scenario stored. Raises Unreadable."""
        return read(_adapter(self.payload), body, version, self.version, self.upcasts)


@cache
def _adapter(payload: Any) -> TypeAdapter[Any]:
    return TypeAdapter(payload)


@dataclass(frozen=True, slots=True)
class Correction:
    """A body that a person has corrected; `body` is its canonical JSON."""

    scenario: Scenario
    body: str

    def require(self, before: str, version: str, effects: frozenset[str]) -> None:
        """Raise what the scenario raises if it comes too late for these effects of the item.

        `before` is the body that is stored, by this `version`.
        """
        scenario = self.scenario
        now = scenario.read(self.body, scenario.version)
        scenario.changeable(scenario.read(before, version), now, effects)


def hash_of(body: str) -> str:
    """The hash by which bodies are compared: SHA-256 of the canonical JSON."""
    return hashlib.sha256(body.encode()).hexdigest()


class NotCorrectable(AgentError):
    """A scenario whose items nobody writes by hand."""

    def __init__(self, scenario: str) -> None:
        super().__init__(scenario)
        self.scenario = scenario

    def __str__(self) -> str:
        return f"items of {self.scenario} cannot be corrected by hand: mend their source and run it"


class KeyChanged(AgentError):
    """A corrected body belongs to another item."""

    def __init__(self, key: str, found: str) -> None:
        super().__init__(key, found)
        self.key, self.found = key, found

    def __str__(self) -> str:
        return f"the body is of {self.found!r}, not of {self.key!r}: send it as a new item"


SUPERSEDED = "superseded"  # the status of a compensation that is done once more, under a new key


@dataclass(frozen=True, slots=True)
class Stage:
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
    stages: dict[Position, Stage] = field(default_factory=dict)
    effects: dict[Position, Effect] = field(default_factory=dict)
    facts: dict[type, Any] = field(default_factory=dict)
    failure: Failure | None = None
    outcome: str | None = None
    decision: Decision | None = None
    deadline: float | None = None

    @property
    def left(self) -> float:
        """Seconds in which it may begin something new; what is compensated has no deadline."""
        if self.deadline is None or self.state is not State.PROCESSING:
            return inf
        return self.deadline - clock().monotonic()

    def undoing(self, agent: str) -> int:
        """The occurrence of a compensation: how often it was done before the item was reopened."""
        return sum(
            name == agent and stage.status == SUPERSEDED for (name, _), stage in self.stages.items()
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


class Lineage:
    """What the batches of one trip through a flow share."""

    __slots__ = ("calls", "compensating", "delayed", "ended", "latest", "scenario", "tally")

    def __init__(self, scenario: Scenario, tally: Tally) -> None:
        self.scenario, self.tally = scenario, tally
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

    __slots__ = ("_items", "count", "lineage")

    def __init__(self, lineage: Lineage, items: list[Item]) -> None:
        self.lineage, self._items, self.count = lineage, items, len(items)
        lineage.latest = self

    def take(self) -> list[Item]:
        """The items, which this batch no longer holds from then on."""
        taken, self._items = self._items, []
        return taken

    def peek(self) -> tuple[Item, ...]:
        """The items, to look at."""
        return tuple(self._items)

    def __repr__(self) -> str:
        return f"{self.count} items"


Fulfil = Callable[[Batch], Awaitable[None]]
"""What a scenario does with every batch, whoever brings it."""

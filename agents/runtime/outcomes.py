"""How one agent's work on one item turned out; the journal and the batch act on it."""

from dataclasses import dataclass
from typing import Any

from agents.runtime.batch import Failure, Item
from agents.runtime.errors import PermanentError


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
class Waits:
    """A person or another worker must act first."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delayed:
    """It may work `seconds` from now."""

    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class Dead:
    """It cannot be finished without a person: a dead letter."""

    failure: Failure


Outcome = Done | Failed | Waits | Delayed | Dead


@dataclass(slots=True)
class Unit:
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

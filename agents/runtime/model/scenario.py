"""What the runtime knows of a business: its item, and what the end of one means."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from agents.runtime.errors import AgentError
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.upcasting import Upcasts, read


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
    outcome: Callable[[Item], str]
    notices: Callable[[Item], Sequence[Notice]] = lambda _item: ()
    metrics: Callable[[Item], Mapping[str, int]] = lambda _item: {}
    deadline: Callable[[Any], timedelta | None] = lambda _payload: None
    validate: Callable[[dict[str, Any]], tuple[str, str]] | None = None
    allow_edit: Callable[[Any, Any, frozenset[str]], None] = lambda _before, _after, _effects: None
    upcasts: Upcasts = field(default_factory=dict)

    def checked(self, key: str, body: dict[str, Any]) -> "Correction":
        """An item corrected by hand.

        Raises what `check` raises, KeyChanged if it is no longer the same item, and NotCorrectable.
        """
        if self.validate is None:
            raise NotCorrectable(self.name)
        found, text = self.validate(body)
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
        scenario.allow_edit(scenario.read(before, version), now, effects)


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

"""A scenario: what the runtime knows of a business process."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from agents.runtime.errors import AgentError
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.upcasting import Upcasts, major_of, read


@dataclass(frozen=True, slots=True)
class Summary:
    """What lists show operators of one item; each is empty if there is nothing to say.

    `held` is what the business has of the customer's money, such as "paid USD 19.99", and `money` the
    same in minor units by currency, to add up.
    """

    amount: str = ""
    customer: str = ""
    held: str = ""
    money: Mapping[str, int] = field(default_factory=dict)


def no_summary(_item: Item) -> Summary:
    """The summary of scenarios that say nothing of an item."""
    return Summary()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the runtime must know of a business process: its items and what their end means.

    `payload` is the type of an item's body. `outcome` returns one word for how an ended item turned
    out, `notices` the messages to send then, `metrics` amounts to add up over a run, and `summary`
    what lists show of an item. `customer` is the id by which lists find the items of one customer.
    `features` returns what forecasts may learn from beside the length of the body: numbers, and words such
    as `kind`, which groups items that are alike.
    `deadline` is the time after acceptance at which an item begins nothing new and is compensated. `needs`
    returns the largest amount of each resource that one step takes for an item; an item that needs more than
    there is is not accepted. `validate` returns key and canonical body of a body that an operator has
    corrected, or raises; without it items cannot be corrected. `allow_edit` raises if a correction comes
    too late; it gets the payload before and after, and the agents whose effects happened. `upcasts`
    convert bodies of earlier versions. With `has_dependencies`, items may need others of the scenario to
    complete first. With `in_order`, an item that is worked on sees all that were accepted before it: they
    have lower ids, and a tenant's items are accepted by one transaction at a time.

    An item stays with the major version that began it. `others` are the other majors that this code
    still has, or has already: each is a scenario with its own version. New items begin with this
    version until a rollout says otherwise. All take the same bodies, with the same deadlines.
    """

    name: str
    version: str
    payload: Any
    outcome: Callable[[Item], str]
    notices: Callable[[Item], Sequence[Notice]] = lambda _item: ()
    metrics: Callable[[Item], Mapping[str, int]] = lambda _item: {}
    summary: Callable[[Item], Summary] = no_summary
    customer: Callable[[Any], str | None] = lambda _payload: None
    features: Callable[[Any], Mapping[str, float | str]] = lambda _payload: {}
    deadline: Callable[[Any], timedelta | None] = lambda _payload: None
    needs: Callable[[Any], Mapping[str, float]] | None = None
    validate: Callable[[dict[str, Any]], tuple[str, str]] | None = None
    allow_edit: Callable[[Any, Any, frozenset[str]], None] = lambda _before, _after, _effects: None
    upcasts: Upcasts = field(default_factory=dict)
    others: tuple["Scenario", ...] = ()
    has_dependencies: bool = False
    in_order: bool = False

    @property
    def majors(self) -> tuple[int, ...]:
        """The major versions that this code has."""
        return tuple(sorted(major_of(one.version) for one in (self, *self.others)))

    def of(self, version: str) -> "Scenario | None":
        """The scenario as the given version's major has it; None if this code does not have that one."""
        major = major_of(version)
        return next((one for one in (self, *self.others) if major_of(one.version) == major), None)

    def checked(self, key: str, body: dict[str, Any], *, before: str | None = None) -> "Correction":
        """A body that an operator has corrected, validated; `before` is the body it was made from.

        Raises what `validate` raises, KeyChanged for the body of another item, and NotCorrectable.
        """
        if self.validate is None:
            raise NotCorrectable(self.name)
        found, text = self.validate(body)
        if found != key:
            raise KeyChanged(key, found)
        return Correction(self, text, before)

    def read(self, body: str, version: str) -> Any:
        """The payload from a body that the given version stored. Raises Unreadable."""
        here = (self.of(version) if self.others else None) or self
        return read(_adapter(here.payload), body, version, here.version, here.upcasts)


@cache
def _adapter(payload: Any) -> TypeAdapter[Any]:
    return TypeAdapter(payload)


@dataclass(frozen=True, slots=True)
class Correction:
    """A validated body that replaces an item's; `body` is its canonical JSON.

    `before` is the body it was made from, or None if it replaces any.
    """

    scenario: Scenario
    body: str
    before: str | None = None

    def values(self, version: str) -> dict[str, Any]:
        """The columns of an item of this version that the correction sets; its major stays."""
        here = self.scenario.of(version) or self.scenario
        return {"body": self.body, "version": here.version, "customer": self.customer}

    @property
    def customer(self) -> str | None:
        """The id of the customer in the corrected body, if the scenario has customers."""
        return self.scenario.customer(self.scenario.read(self.body, self.scenario.version)) or None

    def require(self, before: str, version: str, effects: frozenset[str]) -> None:
        """Raise what the scenario's `allow_edit` raises if the correction comes too late.

        Raises ChangedMeanwhile if another operator has changed the body.

        `before` is the stored body, written by `version`; `effects` are the agents whose effects
        happened.
        """
        if self.before not in {None, before}:
            raise ChangedMeanwhile
        scenario = self.scenario.of(version) or self.scenario
        now = scenario.read(self.body, scenario.version)
        scenario.allow_edit(scenario.read(before, version), now, effects)


def hash_of(body: str) -> str:
    """SHA-256 of a canonical body; items with equal hashes have the same body."""
    return hashlib.sha256(body.encode()).hexdigest()


class NotCorrectable(AgentError):
    """Items of this scenario cannot be corrected by an operator."""

    def __init__(self, scenario: str) -> None:
        super().__init__(scenario)
        self.scenario = scenario

    def __str__(self) -> str:
        return (
            f"items of {self.scenario} cannot be corrected: correct their source and run it again"
        )


class ChangedMeanwhile(AgentError):
    """Another operator has changed the body that a correction was made from."""

    def __str__(self) -> str:
        return "another operator has changed the item meanwhile: look at it and correct it again"


class KeyChanged(AgentError):
    """A corrected body belongs to another item."""

    def __init__(self, key: str, found: str) -> None:
        super().__init__(key, found)
        self.key, self.found = key, found

    def __str__(self) -> str:
        return f"the body is of {self.found!r}, not of {self.key!r}: submit it as a new item"

"""Which steps may take what they need now: all or nothing, and the one that has waited longest first.

Three rules prevent that steps starve or block each other for ever:

1. A step takes everything at once, asks for nothing more while it runs, and gives everything back at its end.
2. Steps have one order, that of their waiting. Capacities have one order of stages: quotas with a long window,
   quotas with a short one, then what is given back; within each, those of a tenant before those of all.
3. A step is blocked by the first capacity that has too little left. It stands in the lines of that stage and
   of the stages before it, and in no later one: a step that waits for the budget of tomorrow keeps no processor
   idle. The first step of each line has its amount reserved. A step behind it, or a new one, takes only what
   is left beside that amount.

Argument. The step that has waited longest is the first in all of its lines. What is left of a capacity grows
when other steps end or when a window passes. Once it suffices for the first step, rule 3 keeps it so: a step
that passes delays the first one in no capacity of its stage. Steps that run wait for nothing (rule 1), so they
end; then all capacities of the stage suffice, and the next stage begins. The number of stages is finite, so the
step gets its turn, and then another step has waited longest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any

TOLERANCE = (
    1e-9  # a sum of fractions such as 0.1 + 0.2 may exceed the capacity by an error of rounding
)


class BadAmount(ValueError):
    """An amount of a resource is no finite number from 0 on, or a resource has no name."""


class AtLimit(StrEnum):
    """What a budget, a quota that somebody pays for, does with an item that it does not suffice for.

    PAUSE: the item waits until the window has room again. ASK: a person approves it or rejects it.
    CHEAPER: the agent's cheaper version runs instead; without one the item waits.
    """

    PAUSE = "pause"
    ASK = "ask"
    CHEAPER = "cheaper"


LONGEST_NAME = 60
MOST = 1e18
WHOLE_FROM = 1e5


def checked(amounts: Any) -> dict[str, float]:
    """What a step needs, as names of resources and amounts above 0. Raises BadAmount."""
    if not isinstance(amounts, Mapping):
        kind = type(amounts).__name__
        raise BadAmount(f"resources are a mapping of names to numbers, not a value of type {kind}")
    for name, amount in amounts.items():
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
            raise BadAmount(f"the name of a resource has 1 to {LONGEST_NAME} printable letters")
        number = isinstance(amount, int | float) and not isinstance(amount, bool)
        if not number or not 0 <= amount <= MOST:  # which NaN is not
            raise BadAmount(f"{name}: an amount is a number from 0 to {MOST:g}")
    return {name: float(amount) for name, amount in amounts.items() if amount}


def amount(number: float) -> str:
    """An amount as people read it: large ones, such as bytes and tokens, whole."""
    return f"{number:,.0f}" if abs(number) >= WHOLE_FROM else f"{number:,.6g}"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A step in a line: since when it waits, in seconds since 1970, and how much it needs.

    `blocks`: this capacity has too little left for it. Otherwise it waits for a later one.
    """

    since: float
    item: int
    agent: str
    amount: float = field(compare=False)
    blocks: bool = field(default=True, compare=False)

    @property
    def key(self) -> tuple[int, str]:
        """Which step it is."""
        return self.item, self.agent


@dataclass(slots=True)
class Capacity:
    """How much there is of a resource for all tenants (`scope` ""), or for one, and who waits for it.

    With `window_seconds` it is a quota: `used` is what was used in the last such time. `line` has the steps
    that wait, the longest waiting first; the end of a long line may be missing.
    """

    resource: str
    scope: str
    amount: float
    window_seconds: float | None = None
    at_limit: str | None = None
    used: float = 0.0
    line: list[Place] = field(default_factory=list)

    @property
    def stage(self) -> tuple[float, bool]:
        """The stage of rule 2."""
        return -(self.window_seconds or 0.0), self.scope == ""

    @property
    def order(self) -> tuple[float, bool, str, str]:
        """The place of this capacity among all, stage by stage."""
        return *self.stage, self.resource, self.scope

    @property
    def left(self) -> float:
        """What is neither held nor used; below 0 after the capacity was lowered."""
        return self.amount - self.used

    def stands_in_line(self, request: "Request") -> bool:
        """Whether a step that this blocks waits for it; a budget may say something else."""
        asks = self.at_limit == AtLimit.ASK
        return not (asks or (self.at_limit == AtLimit.CHEAPER and request.has_cheaper))

    def holds(self, amount: float) -> bool:
        """Whether the amount is not above the whole capacity."""
        return amount <= self.amount + TOLERANCE * max(1.0, self.amount)

    def reserved_before(self, place: Place) -> float:
        """What is reserved for a step that has waited longer."""
        first = next((one for one in self.line if one.key != place.key), None)
        return first.amount if first is not None and first < place else 0.0

    def suffices(self, place: Place) -> bool:
        """Whether the step may take its amount of this capacity."""
        needed = self.used + self.reserved_before(place) + place.amount
        return needed <= self.amount + TOLERANCE * max(1.0, self.amount)

    def leave(self, key: tuple[int, str]) -> None:
        """The step no longer stands in the line."""
        self.line = [one for one in self.line if one.key != key]

    def join(self, place: Place) -> None:
        """The step stands in the line."""
        self.line = sorted([*(one for one in self.line if one.key != place.key), place])

    def due(self) -> list[Place]:
        """The steps that this capacity blocks no longer, as far as one after the other finds enough."""
        left, found = self.left + TOLERANCE * max(1.0, self.amount), list[Place]()
        for place in self.line:
            if place.amount > left:
                break
            left -= place.amount
            found += [place] if place.blocks else []
        return found


@dataclass(frozen=True, slots=True)
class Request:
    """A step that wants to run: its item, held with `fence`, and the amount of each resource.

    `since` is the time from which it has waited, in seconds since 1970. `approved`: a person lets it
    through the budgets that ask. `has_cheaper`: a cheaper version of the agent can run instead. `settles`: it
    finds out what became of an earlier call, for which budgets have been charged.
    """

    item: int
    fence: int
    agent: str
    tenant: str
    amounts: Mapping[str, float]
    since: float = inf
    approved: bool = False
    has_cheaper: bool = False
    settles: bool = False

    @property
    def key(self) -> tuple[int, str]:
        """Which step it is."""
        return self.item, self.agent

    def place(self, capacity: Capacity, *, blocks: bool = True) -> Place:
        """Its place in the line of this capacity."""
        amount = self.amounts[capacity.resource]
        return Place(self.since, self.item, self.agent, amount, blocks)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a step may run: it has `taken` its resources, or is `blocked_by` the last of its `lines`.

    `above` is a capacity that can never suffice, however long the step waits. `beyond` is a budget that
    does not suffice and for which it does not wait.
    """

    request: Request
    taken: tuple[Capacity, ...] = ()
    lines: tuple[Capacity, ...] = ()
    above: Capacity | None = None
    beyond: Capacity | None = None

    @property
    def runs(self) -> bool:
        """Whether the step may run."""
        return not self.lines and self.above is None and self.beyond is None

    @property
    def blocked_by(self) -> Capacity | None:
        """The capacity that has too little left for the step."""
        return self.lines[-1] if self.lines else None


def decide(
    requests: Sequence[Request], capacities: Sequence[Capacity], most: int | None = None
) -> list[Decision]:
    """Decide for each request, the longest waiting first; changes what is used and who stands in line.

    After `most` have taken, the others get no decision. A resource without a capacity is unlimited.
    """
    in_order = sorted(capacities, key=lambda capacity: capacity.order)
    decisions = list[Decision]()
    free = len(requests) if most is None else most
    for request in sorted(requests, key=lambda one: (one.since, one.item, one.agent)):
        if free <= 0:
            break
        decision = _decide_one(request, in_order)
        free -= decision.runs
        decisions.append(decision)
    return decisions


def _decide_one(request: Request, in_order: Sequence[Capacity]) -> Decision:
    mine = [
        capacity
        for capacity in in_order
        if capacity.resource in request.amounts and capacity.scope in {"", request.tenant}
    ]
    if request.settles:
        charged = {one.resource for one in mine if one.at_limit}
        mine = [one for one in mine if one.resource not in charged]
    bounding = [one for one in mine if not (request.approved and one.at_limit == AtLimit.ASK)]
    small = next((one for one in bounding if not one.holds(request.amounts[one.resource])), None)
    short = next((one for one in bounding if not one.suffices(request.place(one))), None)
    beyond = next((one for one in (small, short) if one and not one.stands_in_line(request)), None)
    for capacity in mine:
        capacity.leave(request.key)
    if beyond is not None:
        return Decision(request, beyond=beyond)
    if small is not None:
        return Decision(request, above=small)
    if short is not None:
        return _stand_in_line(request, bounding, short)
    for capacity in mine:
        capacity.used += request.amounts[capacity.resource]
    return Decision(request, taken=tuple(mine))


def _stand_in_line(
    request: Request, capacities: Sequence[Capacity], blocking: Capacity
) -> Decision:
    """Let the request wait at the capacity that blocks it, and reserve what it needs up to that stage."""
    others = [one for one in capacities if one is not blocking and one.stage <= blocking.stage]
    for capacity in (*others, blocking):
        capacity.join(request.place(capacity, blocks=capacity is blocking))
    return Decision(request, lines=(*others, blocking))

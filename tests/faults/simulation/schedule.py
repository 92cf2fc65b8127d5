"""What a seed means: which orders, which processes when, what befalls them, and what people ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Literal, get_args

from agents.orders.validate import check_order
from agents.runtime.intake.intake import Submission
from agents.workflow.records import canonical
from tests.faults.scene import ENDS, bodies
from tests.faults.simulation.network import FAULTS
from tests.faults.simulation.process import IO_FAULTS, Fate
from tests.flows.shop import Shop

SHOP = Shop("sim", Path(), Path(), "")
DEAR = 4  # the order that waits for a person
LEASE = 2.0
HOUR = 3600.0
USUAL_STEPS = 700  # an undisturbed process makes about so many
USUAL_CALLS = 90
FATES = (
    "kill",
    "kill",
    "kill",
    "freeze",
    "hesitate",
    "hesitate",
    "interrupt",
    "term",
    "fail before",
    "fail after",
)
CALL_FAULTS = ("unreachable", "cut", "forgotten")
NTH_IO, NTH_CALL = 260, 60  # an undisturbed run makes fewer
MOST_AT = {"hesitate": 30, "fail before": USUAL_CALLS, "fail after": USUAL_CALLS}


What = Literal["approve", "reject", "cancel"]
WHATS: tuple[What, ...] = get_args(What)


@dataclass(frozen=True, slots=True)
class Start:
    """A process that starts at a time; `job` is process or reconcile."""

    at: float
    job: Literal["process", "reconcile"]
    fate: Fate


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for an order at a time."""

    at: float
    what: What
    order: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that is drawn before the first step; what comes after it the loop draws."""

    seed: int
    orders: tuple[int, ...]
    size: int
    starts: tuple[Start, ...]
    wishes: tuple[Wish, ...]
    faults: dict[str, float]
    broken_call: tuple[int, str] | None = None

    @property
    def name(self) -> str:
        """As `--simulate` takes it: a seed, or which call fails how."""
        if self.broken_call is not None:
            return f"{self.broken_call[1]}:{self.broken_call[0]}"
        fate = self.starts[0].fate
        return str(self.seed) if self.seed else f"{fate.kind}:{fate.at}"

    @property
    def expected(self) -> dict[str, set[str]]:
        """The ends that each order may come to; a wish may come too early or too late."""
        ends = {number: {ENDS[number]} for number in self.orders}
        for wish in self.wishes:
            if wish.order in ends and wish.order == DEAR and wish.what != "cancel":
                ends[DEAR].add("shipped" if wish.what == "approve" else "rejected")
        return {SHOP.order_id(number): end for number, end in ends.items()}

    @property
    def cancelled(self) -> bool:
        """Whether somebody asks to cancel anything."""
        return any(wish.what == "cancel" for wish in self.wishes)


def nth_calls() -> Iterator[Schedule]:
    """Each call of the database and of the providers fails once: before its effect, after it, by memory."""
    everything = tuple(range(len(ENDS)))
    for number, kind in product(range(1, NTH_IO + 1), IO_FAULTS):
        start = Start(0.0, "process", Fate(kind, number))
        yield Schedule(0, everything, 4, (start,), (), {})
    for number, kind in product(range(1, NTH_CALL + 1), CALL_FAULTS):
        start = Start(0.0, "process", Fate())
        yield Schedule(0, everything, 4, (start,), (), {}, (number, kind))


def schedule_named(name: str) -> Schedule:
    """The schedule of that name. Raises StopIteration."""
    if name.isdigit():
        return schedule_of(int(name))
    return next(schedule for schedule in nth_calls() if schedule.name == name)


def schedule_of(seed: int) -> Schedule:
    """The schedule of that seed."""
    rng = Random(f"schedule {seed}")
    orders = tuple(sorted(rng.sample(range(len(ENDS)), rng.randint(1, 3))))
    starts = [_start(rng, first=n == 0) for n in range(rng.choice((1, 1, 2, 2, 3)))]
    if starts[0].fate.kind in (
        "freeze",
        "hesitate",
    ):  # somebody takes over what it holds, and is at it when it wakes
        starts.append(Start(rng.uniform(0, 1), "process", Fate()))
    faults = {kind: rng.uniform(0.05, 0.4) for kind in FAULTS if rng.random() < 0.25}
    wishes = [_wish(rng, orders) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
    size = rng.choice((1, 2, 4, 4))
    return Schedule(seed, orders, size, tuple(starts), tuple(wishes), faults)


def _start(rng: Random, *, first: bool) -> Start:
    at = 0.0 if first else rng.choice((rng.uniform(0, 1), rng.uniform(0, 3 * LEASE)))
    job: Literal["process", "reconcile"] = "process" if first or rng.random() < 0.8 else "reconcile"
    kind = rng.choice(FATES) if rng.random() < 0.85 else ""
    skew = rng.choice((-HOUR, HOUR)) if rng.random() < 0.1 else 0.0
    seconds = rng.choice((rng.uniform(0.5, 3) * LEASE, LEASE + rng.uniform(0, 1)))
    return Start(at, job, Fate(kind, rng.randint(1, MOST_AT.get(kind, USUAL_STEPS)), seconds, skew))


def _wish(rng: Random, orders: tuple[int, ...]) -> Wish:
    order = rng.choice(orders)
    what: What = rng.choice(WHATS) if order == DEAR else "cancel"
    return Wish(rng.choice((rng.uniform(0, 2), rng.uniform(0, 4 * LEASE))), what, order)


@cache
def candidates() -> tuple[Submission, ...]:
    """The eight orders as the source of a run would give them."""
    checked = [check_order(body) for body in bodies(SHOP)]
    return tuple(
        Submission(order.order_id, canonical(order), order, line)
        for line, order in enumerate(checked, 1)
    )

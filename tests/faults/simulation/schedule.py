"""The schedule of a seed: its orders, its processes with their faults, and requests of operators."""

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
from tests.faults.simulation.network import FAULTS
from tests.faults.simulation.process import IO_FAULTS, Fault
from tests.faults.workload import ENDS, bodies
from tests.flows.shop import Shop

SHOP = Shop("sim", Path(), Path(), "")
EXPENSIVE = 4  # the order that waits for an approval
LEASE = 2.0
HOUR = 3600.0
USUAL_STEPS = 700  # of a process without faults, about
USUAL_CALLS = 90
FAULT_KINDS = (
    "kill",
    "kill",
    "kill",
    "freeze",
    "freeze at begin",
    "freeze at begin",
    "interrupt",
    "term",
    "fail before",
    "fail after",
)
CALL_FAULTS = ("unreachable", "cut", "not sent")
NTH_IO, NTH_CALL = 300, 60  # a run without faults makes fewer calls
MAX_AT = {"freeze at begin": 30, "fail before": USUAL_CALLS, "fail after": USUAL_CALLS}

Action = Literal["approve", "reject", "cancel"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class Start:
    """A process that starts `at` virtual seconds, with its job and its fault."""

    at: float
    job: Literal["process", "recover"]
    fault: Fault


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """What an operator asks for an order at a time."""

    at: float
    action: Action
    order: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that the seed decides before the first step; the loop decides the rest."""

    seed: int
    orders: tuple[int, ...]
    size: int
    starts: tuple[Start, ...]
    requests: tuple[OperatorRequest, ...]
    faults: dict[str, float]
    failing_call: tuple[int, str] | None = None

    @property
    def name(self) -> str:
        """The name that `--simulate` takes: the seed, or which call fails and how."""
        if self.failing_call is not None:
            return f"{self.failing_call[1]}:{self.failing_call[0]}"
        fault = self.starts[0].fault
        return str(self.seed) if self.seed else f"{fault.kind}:{fault.at}"

    @property
    def expected(self) -> dict[str, set[str]]:
        """The permitted outcomes of each order; a request may come too early or too late."""
        ends = {number: {ENDS[number]} for number in self.orders}
        for request in self.requests:
            if request.order in ends and request.order == EXPENSIVE and request.action != "cancel":
                ends[EXPENSIVE].add("shipped" if request.action == "approve" else "rejected")
        return {SHOP.order_id(number): end for number, end in ends.items()}

    @property
    def cancelled(self) -> bool:
        """Whether an operator asks for a cancellation."""
        return any(request.action == "cancel" for request in self.requests)


def failing_calls() -> Iterator[Schedule]:
    """Yield a schedule for each call of the database and of a provider that fails, in three ways."""
    everything = tuple(range(len(ENDS)))
    for number, kind in product(range(1, NTH_IO + 1), IO_FAULTS):
        start = Start(0.0, "process", Fault(kind, number))
        yield Schedule(0, everything, 4, (start,), (), {})
    for number, kind in product(range(1, NTH_CALL + 1), CALL_FAULTS):
        start = Start(0.0, "process", Fault())
        yield Schedule(0, everything, 4, (start,), (), {}, (number, kind))


def schedule_named(name: str) -> Schedule:
    """Return the schedule of that name. Raises StopIteration."""
    if name.isdigit():
        return schedule_of(int(name))
    return next(schedule for schedule in failing_calls() if schedule.name == name)


def schedule_of(seed: int) -> Schedule:
    """Return the schedule of that seed."""
    rng = Random(f"schedule {seed}")
    orders = tuple(sorted(rng.sample(range(len(ENDS)), rng.randint(1, 3))))
    starts = [_start(rng, first=n == 0) for n in range(rng.choice((1, 1, 2, 2, 3)))]
    if starts[0].fault.kind in ("freeze", "freeze at begin"):
        # Another process takes its items over and works on them when it wakes.
        starts.append(Start(rng.uniform(0, 1), "process", Fault()))
    faults = {kind: rng.uniform(0.05, 0.4) for kind in FAULTS if rng.random() < 0.25}
    requests = [_request(rng, orders) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
    size = rng.choice((1, 2, 4, 4))
    return Schedule(seed, orders, size, tuple(starts), tuple(requests), faults)


def _start(rng: Random, *, first: bool) -> Start:
    at = 0.0 if first else rng.choice((rng.uniform(0, 1), rng.uniform(0, 3 * LEASE)))
    job: Literal["process", "recover"] = "process" if first or rng.random() < 0.8 else "recover"
    kind = rng.choice(FAULT_KINDS) if rng.random() < 0.85 else ""
    skew = rng.choice((-HOUR, HOUR)) if rng.random() < 0.1 else 0.0
    seconds = rng.choice((rng.uniform(0.5, 3) * LEASE, LEASE + rng.uniform(0, 1)))
    return Start(at, job, Fault(kind, rng.randint(1, MAX_AT.get(kind, USUAL_STEPS)), seconds, skew))


def _request(rng: Random, orders: tuple[int, ...]) -> OperatorRequest:
    order = rng.choice(orders)
    action: Action = rng.choice(ACTIONS) if order == EXPENSIVE else "cancel"
    at = rng.choice((rng.uniform(0, 2), rng.uniform(0, 4 * LEASE)))
    return OperatorRequest(at, action, order)


@cache
def submissions() -> tuple[Submission, ...]:
    """Return the eight orders as a source submits them."""
    checked = [check_order(body) for body in bodies(SHOP)]
    return tuple(
        Submission(order.order_id, canonical(order), order, line)
        for line, order in enumerate(checked, 1)
    )

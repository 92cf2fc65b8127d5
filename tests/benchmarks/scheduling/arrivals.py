"""Tasks that arrive one by one and wait for a few servers, as items of one tenant and priority do.

Arrivals are Poisson, sizes are those of real tasks, and the order is the product's: its ready set, its
skill gate over the last completions, its age limit. Forecasts may be right, learned or wrong.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from statistics import fmean

from agents.runtime.scheduling.gate import Gate
from agents.runtime.scheduling.order import LOOKED_BACK, Completion, age_limit
from tests.ready_set import ReadySet

SERVERS, LOAD = 2, 0.8
SEEDS = 5
EVERY = 100  # completions between two age limits


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When each task arrives, the seconds that it takes and those that were forecast."""

    at: Sequence[float]
    seconds: Sequence[float]
    expected: Sequence[float]


@dataclass(frozen=True, slots=True)
class Waits:
    """What tasks waited, in seconds, or as ratios to another order."""

    mean: float
    p99: float
    longest: float

    def over(self, other: "Waits") -> "Waits":
        """The ratios to the waits of another order."""
        return Waits(self.mean / other.mean, self.p99 / other.p99, self.longest / other.longest)


def arrivals(tasks: Sequence[tuple[float, float]], count: int, seed: int) -> Arrivals:
    """That many tasks, drawn from (seconds, forecast), at the load of LOAD."""
    numbers = random.Random(seed)
    drawn = numbers.choices(tasks, k=count)
    pause = fmean(seconds for seconds, _ in drawn) / (LOAD * SERVERS)
    at, now = [], 0.0
    for _ in drawn:
        now += numbers.expovariate(1 / pause)
        at.append(now)
    return Arrivals(at, [one for one, _ in drawn], [one for _, one in drawn])


class Ungated:
    """Shortest forecast first, always, and nobody ages."""

    open = True
    age_limit: float | None = None

    def ended(self, expected: float, completion: Completion, waiting: float) -> None:
        """Nothing is learned."""


class FirstIn(Ungated):
    """First in, first out."""

    open = False


class Product:
    """The product's gate and age limit, which follow from what has completed and what waits.

    The limit is made from new after `every` completions.
    """

    def __init__(self, every: int = EVERY) -> None:
        self._gate, self._every, self._unjudged, self._judged_at = Gate(), every, 0, 0.0
        self._lately = deque[Completion](maxlen=LOOKED_BACK)
        self.age_limit: float | None = None

    @property
    def open(self) -> bool:
        """Whether forecasts may order the queue."""
        return self._gate.open

    def ended(self, expected: float, completion: Completion, waiting: float) -> None:
        """Judge by one more completion; `waiting` is the forecast of all work that waits."""
        self._gate.observe(expected, completion.seconds)
        self._lately.append(completion)
        self._unjudged += 1
        if self._unjudged >= self._every:
            elapsed, self._judged_at = completion.ended - self._judged_at, completion.ended
            self.age_limit = age_limit(list(self._lately), waiting, self.age_limit, elapsed)
            self._unjudged = 0


Rule = Ungated | Product


def waits(found: Arrivals, rule: Rule) -> list[float]:
    """What each task waits, in seconds, if the rule gives the order."""
    ready, begun = ReadySet[int](), [0.0] * len(found.at)
    running: list[tuple[float, int]] = []
    coming, now, waiting = 0, 0.0, 0.0
    while coming < len(found.at) or running:
        while len(ready) and len(running) < SERVERS:
            task = ready.take(now, shortest_first=rule.open, age_limit=rule.age_limit)
            begun[task] = now
            waiting -= found.expected[task]
            heappush(running, (now + found.seconds[task], task))
        if coming < len(found.at) and (not running or found.at[coming] <= running[0][0]):
            now = found.at[coming]
            ready.add(coming, now, found.expected[coming])
            waiting += found.expected[coming]
            coming += 1
        else:
            now, task = heappop(running)
            ended = Completion(found.at[task], now, found.seconds[task], begun[task])
            rule.ended(found.expected[task], ended, waiting)
    return [start - at for start, at in zip(begun, found.at, strict=True)]


def summary(waited: Sequence[float]) -> Waits:
    """The waits of the second half, when the age limit has a history to be made from."""
    ordered = sorted(waited[len(waited) // 2 :])
    return Waits(fmean(ordered), ordered[int(0.99 * len(ordered))], ordered[-1])


Case = tuple[Callable[[Arrivals, random.Random], Sequence[float]], Callable[[], Rule]]


def right(found: Arrivals, _: random.Random) -> Sequence[float]:
    """What the oracle knows."""
    return found.seconds


def learned(found: Arrivals, _: random.Random) -> Sequence[float]:
    """The forecasts as they are."""
    return found.expected


def shuffled(found: Arrivals, numbers: random.Random) -> Sequence[float]:
    """The forecasts of other tasks."""
    return numbers.sample(found.expected, len(found.expected))


def inverted(found: Arrivals, _: random.Random) -> Sequence[float]:
    """What is long is forecast to be short."""
    return [-one for one in found.expected]


def suddenly_wrong(found: Arrivals, _: random.Random) -> Sequence[float]:
    """The forecasts as they are, and inverted for the last quarter."""
    turn = len(found.expected) * 3 // 4
    return [*found.expected[:turn], *(-one for one in found.expected[turn:])]


CASES: Mapping[str, Case] = {
    "oracle, no ageing": (right, Ungated),
    "learned, no ageing": (learned, Ungated),
    "oracle": (right, Product),
    "learned": (learned, Product),
    "shuffled": (shuffled, Product),
    "inverted": (inverted, Product),
    "suddenly wrong": (suddenly_wrong, Product),
}


def measure(tasks: Sequence[tuple[float, float]], count: int) -> dict[str, list[Waits]]:
    """The waits over those of first in, first out, of each case and each seed."""
    found: dict[str, list[Waits]] = {name: [] for name in CASES}
    for seed in range(SEEDS):
        drawn = arrivals(tasks, count, seed)
        fifo = summary(waits(drawn, FirstIn()))
        for name, (forecast, rule) in CASES.items():
            case = replace(drawn, expected=forecast(drawn, random.Random(seed)))
            found[name].append(summary(waits(case, rule())).over(fifo))
    return found


def mean_of(seeds: Sequence[Waits]) -> Waits:
    """The mean ratios of the seeds."""
    return Waits(*(fmean(getattr(one, name) for one in seeds) for name in Waits.__slots__))

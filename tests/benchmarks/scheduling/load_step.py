"""A step of load: ten times as many tasks arrive for an hour, and consumers need a while to start.

The product decides by the work that waits, from forecasts, and the time to drain it. Beside it stands
what autoscalers do by count: one consumer for every so many unfinished items, and none given up that
was wanted within the cooldown. The count for a consumer is the best for the tasks before the step.
"""

import math
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from statistics import fmean

from agents.runtime.scheduling.scaling import Load, Pace, ScaleBounds, consumers_wanted, remembered

BOUNDS = ScaleBounds(least=1, most=64, target=60.0, cooldown=300.0)
LOOK = 5.0  # seconds between two decisions
START = 30.0  # seconds until a new consumer takes items
BEFORE, STEP, AFTER = 1_800.0, 3_600.0, 1_800.0  # seconds
TIMES = 10  # as many arrivals during the step
BUSY = 1.0  # consumers that are busy before the step, on average
SHORTEST, LONGEST = 0.5, 60.0  # seconds of tasks that are drawn

Pair = tuple[float, float]  # seconds of a task, and its forecast


@dataclass(frozen=True, slots=True)
class Arriving:
    """A task that arrives: when, the seconds it takes, and those that were forecast."""

    at: float
    seconds: float
    expected: float


def arriving(usual: Sequence[Pair], new: Sequence[Pair], seed: int) -> list[Arriving]:
    """Tasks like the `usual` ones all the time, and `new` ones besides during the step."""
    numbers = random.Random(seed)
    rate = BUSY / fmean(seconds for seconds, _ in usual)
    found = list(_poisson(usual, rate, 0.0, BEFORE + STEP + AFTER, numbers))
    found += _poisson(new, (TIMES - 1) * rate, BEFORE, BEFORE + STEP, numbers)
    return sorted(found, key=lambda one: one.at)


def _poisson(
    tasks: Sequence[Pair], rate: float, begin: float, end: float, numbers: random.Random
) -> list[Arriving]:
    found, at = [], begin + numbers.expovariate(rate)
    while at < end:
        found.append(Arriving(at, *numbers.choice(tasks)))
        at += numbers.expovariate(rate)
    return found


@dataclass
class Queue:
    """What a decision may look at; all of it is in the journal."""

    waiting: deque[Arriving] = field(default_factory=deque)
    work: float = 0.0  # that waits, by forecast
    busy: int = 0
    consumers: int = 0
    ended: deque[tuple[float, float]] = field(default_factory=deque)  # when, and its forecast
    done: list[float] = field(
        default_factory=list
    )  # forecasts of what ended since the last decision
    busy_seconds: float = 0.0  # of all consumers, since then

    def lately(self, now: float) -> float:
        """Work that ended within the cooldown."""
        while self.ended and self.ended[0][0] < now - BOUNDS.cooldown:
            self.ended.popleft()
        return sum(expected for _, expected in self.ended)


class ByTime:
    """The product's decision, with the pace that consumers were seen to have."""

    def __init__(self) -> None:
        self._pace: Pace | None = None

    def wanted(self, queue: Queue, now: float) -> int:
        """How many consumers there should be."""
        if queue.busy_seconds:
            count = len(queue.done)
            new = Pace(queue.busy_seconds, count, count, sum(queue.done))
            self._pace = remembered(self._pace, new, busy=bool(queue.waiting))
        pace = self._pace.of_consumer if self._pace and self._pace.items else 1.0
        load = Load(queue.work, queue.lately(now), queue.consumers, queue.busy, pace)
        return consumers_wanted(load, BOUNDS)


class ByCount:
    """One consumer for every `each` unfinished items."""

    def __init__(self, each: float) -> None:
        self._each = each
        self._lately = deque[tuple[float, int]]()

    def wanted(self, queue: Queue, now: float) -> int:
        """How many consumers there should be: the most that were wanted within the cooldown."""
        count = len(queue.waiting) + queue.busy
        self._lately.append((now, math.ceil(count / self._each)))
        while self._lately[0][0] < now - BOUNDS.cooldown:
            self._lately.popleft()
        return min(BOUNDS.most, max(BOUNDS.least, queue.busy, *(one for _, one in self._lately)))


Rule = ByTime | ByCount


@dataclass(slots=True)
class Course:
    """What happened: consumers, and the age of the oldest waiting item, at each look."""

    at: list[float] = field(default_factory=list)
    consumers: list[int] = field(default_factory=list)
    oldest: list[float] = field(default_factory=list)
    below_claimed: int = 0


class Consumers:
    """Consumers that work on one item each, start slowly, and end when they hold nothing."""

    def __init__(self, rule: Rule) -> None:
        self.queue, self.course = Queue(), Course()
        self._rule = rule
        self._events: list[tuple[float, int, Arriving | None]] = []
        self._numbers = 0
        self._idle, self._surplus = BOUNDS.least, 0
        self._starting = deque[float]()
        self.queue.consumers = BOUNDS.least

    def run(self, tasks: Sequence[Arriving]) -> Course:
        """All tasks, until the last has ended, with a decision every few seconds."""
        coming, look, before = deque(tasks), 0.0, 0.0
        while coming or self.queue.waiting or self.queue.busy:
            now = min(
                coming[0].at if coming else math.inf,
                self._events[0][0] if self._events else math.inf,
                self._starting[0] if self._starting else math.inf,
                look,
            )
            self.queue.busy_seconds += (now - before) * self.queue.busy
            before = now
            if coming and coming[0].at == now:
                self.queue.waiting.append(coming.popleft())
                self.queue.work += self.queue.waiting[-1].expected
            elif self._events and self._events[0][0] == now:
                self._end(now)
            elif self._starting and self._starting[0] == now:
                self._starting.popleft()
                self._idle += 1
            else:
                self._decide(now)
                look = now + LOOK
            self._begin(now)
        return self.course

    def _begin(self, now: float) -> None:
        while self._idle and self.queue.waiting:
            task = self.queue.waiting.popleft()
            self.queue.work -= task.expected
            self._idle -= 1
            self.queue.busy += 1
            self._numbers += 1
            heappush(self._events, (now + task.seconds, self._numbers, task))

    def _end(self, now: float) -> None:
        _, _, task = heappop(self._events)
        assert task is not None
        self.queue.busy -= 1
        self.queue.ended.append((now, task.expected))
        self.queue.done.append(task.expected)
        if self._surplus:
            self._surplus -= 1
            self.queue.consumers -= 1
        else:
            self._idle += 1

    def _decide(self, now: float) -> None:
        queue, course = self.queue, self.course
        wanted = self._rule.wanted(queue, now)
        queue.busy_seconds = 0.0
        queue.done.clear()
        course.below_claimed += wanted < queue.busy
        course.at.append(now)
        course.oldest.append(now - queue.waiting[0].at if queue.waiting else 0.0)
        self._surplus = 0
        for _ in range(wanted - queue.consumers):
            self._starting.append(now + START)
            queue.consumers += 1
        for _ in range(queue.consumers - wanted):
            self._give_up()
        course.consumers.append(queue.consumers)

    def _give_up(self) -> None:
        """One that starts, or one that is idle, or the next one that ends its item."""
        if self._starting:
            self._starting.pop()
        elif self._idle:
            self._idle -= 1
        else:
            self._surplus += 1
            return
        self.queue.consumers -= 1


@dataclass(frozen=True, slots=True)
class Answer:
    """How a rule met the step.

    Args:
        to_target: Seconds from the step until the oldest item waits no longer than the target again.
        over: Seconds after the step began in which it had waited longer.
        overshoot: The most consumers over those that the step keeps busy.
        cost: Consumer-seconds over the seconds of work.
        below_claimed: Decisions that asked for fewer consumers than held items.

    """

    to_target: float
    over: float
    overshoot: float
    cost: float
    below_claimed: float

    def figures(self) -> dict[str, float]:
        """The same for the answer."""
        return {
            "seconds_to_target": round(self.to_target, 1),
            "seconds_over_target": round(self.over, 1),
            "peak_over_busy": round(self.overshoot, 2),
            "cost_over_work": round(self.cost, 2),
            "below_claimed": self.below_claimed,
        }


def mean_of(seeds: Sequence[Answer]) -> Answer:
    """The mean of the seeds."""
    return Answer(*(fmean(getattr(one, name) for one in seeds) for name in Answer.__slots__))


def answer(tasks: Sequence[Arriving], rule: Rule) -> tuple[Answer, Course]:
    """Run the step and judge it."""
    course = Consumers(rule).run(tasks)
    looks = list(zip(course.at, course.oldest, strict=True))
    late = [at for at, oldest in looks if oldest > BOUNDS.target and at > BEFORE]
    first = next((at for at in late if at < BEFORE + STEP), None)
    calm = [at for at, oldest in looks if first and oldest <= BOUNDS.target and at > first]
    busy = sum(one.seconds for one in tasks if BEFORE <= one.at < BEFORE + STEP) / STEP
    work = sum(one.seconds for one in tasks)
    found = Answer(
        (calm[0] if calm else course.at[-1]) - BEFORE if first else 0.0,
        LOOK * len(late),
        max(course.consumers) / busy,
        LOOK * sum(course.consumers) / work,
        course.below_claimed,
    )
    return found, course


@dataclass(frozen=True, slots=True)
class Mix:
    """Tasks that arrive all the time, and longer ones; both were forecast."""

    usual: Sequence[Pair]
    longer: Sequence[Pair]

    @property
    def rules(self) -> Mapping[str, Rule]:
        """Both rules; that by count is right for the usual tasks."""
        each = BOUNDS.target / fmean(seconds for seconds, _ in self.usual)
        return {"time": ByTime(), "count": ByCount(each)}


def mix_of(pairs: Sequence[Pair]) -> Mix:
    """The tasks of moderate length, halved by their forecasts."""
    some = [pair for pair in pairs if SHORTEST <= pair[0] <= LONGEST]
    middle = sorted(expected for _, expected in some)[len(some) // 2]
    usual = [pair for pair in some if pair[1] < middle]
    return Mix(usual, [pair for pair in some if pair[1] >= middle])


def measure(pairs: Sequence[Pair], seeds: int) -> dict[str, list[Answer]]:
    """Both rules on a step of tasks like those before, and on one of longer tasks."""
    mix, found = mix_of(pairs), dict[str, list[Answer]]()
    for name, new in (("alike", mix.usual), ("longer", mix.longer)):
        for seed in range(seeds):
            tasks = arriving(mix.usual, new, seed)
            for rule, made in mix.rules.items():
                found.setdefault(f"{name}, by {rule}", []).append(answer(tasks, made)[0])
    return found


def courses(pairs: Sequence[Pair]) -> dict[str, Course]:
    """What happens in a step of longer tasks, by each rule."""
    mix = mix_of(pairs)
    tasks = arriving(mix.usual, mix.longer, seed=0)
    return {f"by {rule}": answer(tasks, made)[1] for rule, made in mix.rules.items()}

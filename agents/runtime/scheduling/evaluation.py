"""How good forecasts are on outcomes that were not learned from, and whether they beat simple ones.

The loss is the pinball loss of the median and the 90th percentile, of the logarithm of the seconds, and
counts an agent by its share of all seconds. The simple ones are the mean and the exponentially weighted
mean of an agent, each with the factors that made it a median and a 90th percentile in its own history:
only what the features say can be better.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import log, sqrt
from statistics import fmean

from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.features import Example
from agents.runtime.scheduling.running_quantiles import LONGEST, SHORTEST

EWMA_WEIGHT = 0.1  # of the newest outcome
MOST_COMPARED = 400  # items whose order is compared
CONFIDENT = 1.96  # standard errors of a 95 % interval

Predict = Callable[[Sequence[Example]], list[Expected]]


def pinball(seconds: float, expected: float, quantile: float) -> float:
    """The loss of one forecast of a quantile; least on average if the quantile is right."""
    over = log(_bounded(seconds) / _bounded(expected))
    return max(quantile * over, (quantile - 1) * over)


def loss(seconds: float, expected: Expected) -> float:
    """The mean loss of the median and the 90th percentile."""
    return (pinball(seconds, expected.p50, 0.5) + pinball(seconds, expected.p90, 0.9)) / 2


def coverage(pairs: Iterable[tuple[float, Expected]]) -> float:
    """The share of outcomes at or below their 90th percentile: 0.9 if it is calibrated."""
    under = [seconds <= expected.p90 for seconds, expected in pairs]
    return fmean(under) if under else 0.0


def concordance(pairs: Sequence[tuple[float, float]]) -> float:
    """The share of pairs of items whose order was forecast right: 0.5 by chance, 1 if all were.

    `pairs` has the forecast and the outcome of each item. An equal forecast counts half.
    """
    right = total = 0.0
    for (forecast, outcome), (other_forecast, other_outcome) in combinations(pairs, 2):
        if outcome == other_outcome:
            continue
        total += 1
        if forecast == other_forecast:
            right += 0.5
        elif (forecast < other_forecast) == (outcome < other_outcome):
            right += 1
    return right / total if total else 0.5


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much a loss is smaller than another, as a share of it, with its 95 % interval."""

    value: float
    low: float
    high: float


def gain(losses: Sequence[float], other: Sequence[float]) -> Gain:
    """The gain of the first over the other, for losses of the same items."""
    total = sum(other)
    if not total:
        return Gain(0.0, 0.0, 0.0)
    value = 1 - sum(losses) / total
    rest = (b - a - value * b for a, b in zip(losses, other, strict=True))
    error = CONFIDENT * sqrt(sum(one * one for one in rest)) / total
    return Gain(value, value - error, value + error)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What held-out outcomes say: losses in total, and the gain over the better of mean and EWMA."""

    items: int
    loss: float
    loss_of_mean: float
    loss_of_ewma: float
    gain: Gain
    coverage: float
    concordance: float


def judge(learned: Sequence[Example], held_out: Sequence[Example], predict: Predict) -> Judgement:
    """Judge forecasts on examples that are later than those that they were learned from."""
    weights = _weights(held_out)
    expected = predict(held_out)
    losses = item_losses(held_out, expected, weights)
    mean, ewma = (
        item_losses(held_out, [of(one) for one in held_out], weights)
        for of in (Simple.of(learned, 0.0), Simple.of(learned, EWMA_WEIGHT))
    )
    better = min((mean, ewma), key=sum)
    return Judgement(
        *(len(losses), sum(losses), sum(mean), sum(ewma), gain(losses, better)),
        coverage((one.seconds, e) for one, e in zip(held_out, expected, strict=True)),
        _order(held_out, expected),
    )


def item_losses(
    examples: Sequence[Example], expected: Sequence[Expected], weights: Mapping[str, float]
) -> list[float]:
    """The loss of each item, over its agents."""
    found: defaultdict[int, float] = defaultdict(float)
    for one, e in zip(examples, expected, strict=True):
        found[one.item] += weights[one.agent] * loss(one.seconds, e)
    return list(found.values())


def compared(held_out: Sequence[Example], predict: Predict, other: Predict) -> Gain:
    """The gain of some forecasts over others on the same held-out examples."""
    weights = _weights(held_out)
    mine, others = (item_losses(held_out, of(held_out), weights) for of in (predict, other))
    return gain(mine, others)


@dataclass(slots=True)
class Simple:
    """One number for each agent, as other engines show it: the mean, or a weighted one with `alpha`."""

    alpha: float
    sums: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    ratios: defaultdict[tuple[str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    factors: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, learned: Sequence[Example], alpha: float) -> "Simple":
        """What it is after these examples."""
        simple = cls(alpha)
        for one in learned:
            simple._learn((one.features.scenario, one.agent), _bounded(one.seconds))
        for key, ratios in simple.ratios.items():
            mean = simple.sums[key][0]
            relative = ratios if alpha else [ratio / mean for ratio in ratios]
            simple.factors[key] = _quantiles(sorted(relative))
        return simple

    def __call__(self, example: Example) -> Expected:
        """What it says of the agent of this example."""
        key = (example.features.scenario, example.agent)
        mean, _ = self.sums.get(key) or (fmean(m for m, _ in self.sums.values()), 0)
        low, high = self.factors.get(key, (1.0, 1.0))
        return Expected(mean * low, mean * high, mean)

    def _learn(self, key: tuple[str, str], seconds: float) -> None:
        mean, count = self.sums.get(key, (seconds, 0))
        self.ratios[key].append(seconds / mean if self.alpha else seconds)
        weight = self.alpha if self.alpha and count else 1 / (count + 1)
        self.sums[key] = mean + weight * (seconds - mean), count + 1


def _quantiles(ordered: Sequence[float]) -> tuple[float, float]:
    last = len(ordered) - 1
    return ordered[min(len(ordered) // 2, last)], ordered[min(int(0.9 * len(ordered)), last)]


def _weights(examples: Sequence[Example]) -> dict[str, float]:
    """The mean seconds of each agent."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for one in examples:
        seconds[one.agent].append(one.seconds)
    return {agent: fmean(known) for agent, known in seconds.items()}


def _order(examples: Sequence[Example], expected: Sequence[Expected]) -> float:
    """The concordance of the newest items of each scenario, weighted by their numbers."""
    totals: defaultdict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
    for one, e in zip(examples, expected, strict=True):
        forecast, outcome = totals[one.features.scenario].get(one.item, (0.0, 0.0))
        totals[one.features.scenario][one.item] = forecast + e.mean, outcome + one.seconds
    found = [(len(items), list(items.values())[-MOST_COMPARED:]) for items in totals.values()]
    count = sum(items for items, _ in found)
    return sum(items * concordance(pairs) for items, pairs in found) / count if count else 0.5


def _bounded(seconds: float) -> float:
    return min(max(seconds, SHORTEST), LONGEST)

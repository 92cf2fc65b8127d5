"""Quantile boosting for one agent: which features a row has, and the quantiles that trees give it.

The target is the logarithm of the seconds, since durations have heavy tails; quantiles stay quantiles.
A word such as the kind or the tenant becomes a number: the mean of the logarithms of its earlier
durations. Of other tenants a forecast knows no more than such means and the shape of the trees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from statistics import fmean
from typing import Any, Protocol

from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.features import VERSION, Example, Features
from agents.runtime.scheduling.running_quantiles import LONGEST, SHORTEST
from agents.runtime.scheduling.trees import Trees

MISSING = -1e9  # less than every number
SHRINK = 5.0  # outcomes that the agent's mean counts as in the mean of a word
MOST_WORDS = 5_000  # values of one word
MOST_ROWS = 20_000  # of the newest
HIGHEST = 20.0  # most that a mean may be of the median
LEAST = 0.02  # the share in the trees below which a feature is left out


class Booster(Protocol):
    """Trains trees for one quantile; returns them and how much each column contributes."""

    def __call__(
        self, rows: Sequence[Sequence[float]], targets: Sequence[float], quantile: float
    ) -> tuple[Trees, Sequence[float]]:
        """Train on rows of features."""
        ...


@dataclass(frozen=True, slots=True)
class Boosted:
    """What was learned of one agent. `matters` has the share of each feature in the trees of the median.

    `shift` is added to the logarithm of the 90th percentile, so that it covers 90 % of what was held
    out; the mean is `mean_factor` medians.
    """

    numbers: tuple[str, ...]
    words: Mapping[str, Mapping[str, float]]
    typical: float
    p50: Trees
    p90: Trees
    matters: Mapping[str, float]
    shift: float = 0.0
    mean_factor: float = 1.0

    def predict(self, rows: Sequence[tuple[Features, str]]) -> list[Expected]:
        """What the agent is expected to take on items with these features, in these versions of it."""
        if not rows:
            return []
        table = [self._row(features, version) for features, version in rows]
        low, high = self.p50.predict(table), self.p90.predict(table)
        return [self._expected(p50, p90) for p50, p90 in zip(low, high, strict=True)]

    def dump(self) -> dict[str, Any]:
        """The same as JSON."""
        named = {"numbers": list(self.numbers), "words": self.words, "matters": self.matters}
        scalars = {name: getattr(self, name) for name in ("typical", "shift", "mean_factor")}
        return named | scalars | {"p50": self.p50.dump(), "p90": self.p90.dump()}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Boosted":
        """The same from JSON. Raises KeyError, TypeError, ValueError or AttributeError for anything else."""
        numbers = tuple(map(str, stored["numbers"]))
        words = {
            str(name): {str(word): float(value) for word, value in known.items()}
            for name, known in stored["words"].items()
        }
        count = len(numbers) + len(words)
        return cls(
            *(numbers, words, float(stored["typical"])),
            *(Trees.load(stored["p50"], count), Trees.load(stored["p90"], count)),
            {str(name): float(share) for name, share in stored["matters"].items()},
            *(float(stored["shift"]), float(stored["mean_factor"])),
        )

    def fitted_to(self, held_out: Sequence[Example]) -> "Boosted":
        """With the shift and the mean that are right for examples that were not trained on."""
        expected = self.predict([(one.features, one.version) for one in held_out])
        above = sorted(
            log(max(one.seconds, SHORTEST) / e.p90)
            for one, e in zip(held_out, expected, strict=True)
        )
        shift = above[min(int(0.9 * len(above)), len(above) - 1)] if above else 0.0
        seconds, medians = sum(one.seconds for one in held_out), sum(e.p50 for e in expected)
        factor = min(max(seconds / medians, 1 / HIGHEST), HIGHEST) if medians else 1.0
        return replace(self, shift=self.shift + shift, mean_factor=factor)

    def _row(self, features: Features, version: str) -> list[float]:
        numbers, words = dict(features.numbers), dict(features.words) | {VERSION: version}
        return [numbers.get(name, MISSING) for name in self.numbers] + [
            known.get(words.get(name, ""), self.typical) for name, known in self.words.items()
        ]

    def _expected(self, p50: float, p90: float) -> Expected:
        low = _seconds(p50)
        return Expected(low, max(low, _seconds(p90 + self.shift)), low * self.mean_factor)


def train(examples: Sequence[Example], booster: Booster) -> Boosted:
    """Learn from the examples of one agent, which must be in the order of their ends.

    Features that hardly matter are left out, so that more items have equal ones.
    """
    examples = examples[-MOST_ROWS:]
    targets = [log(min(max(one.seconds, SHORTEST), LONGEST)) for one in examples]
    typical = fmean(targets)
    columns = _columns(examples)
    words: dict[str, dict[str, float]] = {}
    for name in _word_names(examples):
        here = [_word(one, name) for one in examples]
        if len(set(here)) > 1:  # the earlier mean of a word that all have would only be the time
            columns[name], words[name] = _encoded(here, targets, typical)
    names = list(columns)
    _, shares = booster(_rows(columns, names), targets, 0.5)
    names = [name for name, share in zip(names, _scaled(shares), strict=True) if share >= LEAST]
    rows = _rows(columns, names)
    p50, shares = booster(rows, targets, 0.5)
    p90, _ = booster(rows, targets, 0.9)
    return Boosted(
        tuple(name for name in names if name not in words),
        {name: known for name, known in words.items() if name in names},
        *(typical, p50, p90, dict(zip(names, _scaled(shares), strict=True))),
    )


def _columns(examples: Sequence[Example]) -> dict[str, list[float]]:
    """The numbers of the examples by their names."""
    names = sorted({name for one in examples for name, _ in one.features.numbers})
    found: dict[str, list[float]] = {name: [] for name in names}
    for one in examples:
        numbers = dict(one.features.numbers)
        for name, column in found.items():
            column.append(numbers.get(name, MISSING))
    return found


def _word_names(examples: Sequence[Example]) -> list[str]:
    return sorted({name for one in examples for name, _ in one.features.words} | {VERSION})


def _rows(columns: Mapping[str, list[float]], names: Sequence[str]) -> list[tuple[float, ...]]:
    return list(zip(*(columns[name] for name in names), strict=True))


def _scaled(shares: Sequence[float]) -> list[float]:
    total = sum(shares)
    return [share / total if total else 1.0 for share in shares]


def _encoded(
    words: Sequence[str], targets: Sequence[float], typical: float
) -> tuple[list[float], dict[str, float]]:
    """For each row the mean of the earlier rows with its word, and for each word the mean of all."""
    sums: dict[str, list[float]] = {}
    column = list[float]()
    for word, target in zip(words, targets, strict=True):
        known = sums.setdefault(word, [SHRINK * typical, SHRINK])
        column.append(known[0] / known[1])
        known[0] += target
        known[1] += 1
    most_used = sorted(sums.items(), key=lambda one: -one[1][1])[:MOST_WORDS]
    return column, {word: total / count for word, (total, count) in most_used if word}


def _word(example: Example, name: str) -> str:
    return example.version if name == VERSION else example.features.word(name)


def _seconds(logarithm: float) -> float:
    return exp(min(max(logarithm, log(SHORTEST)), log(LONGEST)))

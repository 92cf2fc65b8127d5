"""Quantiles of durations that are updated with each outcome and need little data.

A sketch counts durations in bins of 5 %, so that every quantile is right within 2.5 %, as in DDSketch
(arXiv 1908.10693). Old outcomes fade: one that is 500 outcomes old counts half, since systems change.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, exp, log
from typing import Any

from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.features import KIND, Example

SHORTEST, LONGEST = 1e-6, 1e7  # seconds
WIDTH = log(1.05)
FADE = 1 + log(2) / 500
FEW = 20  # outcomes; with fewer, those of what is alike count too
FEWEST_KINDS = 3  # from which how much kinds differ is known
LEAST_ALIKE, MOST_ALIKE = 0.5, 1_000.0  # outcomes that an agent may count as for one of its kinds
WITH_KIND = 3  # parts of a key that has a kind
ALIKE = 2.0  # how many outcomes all of what is alike count as, for the first outcome
HEAVIEST = 1e6
MOST_SKETCHES = 20_000  # kinds of item after these count for their agent only

Key = tuple[str, ...]


@dataclass(slots=True)
class Sketch:
    """The durations of one kind of work. `weight` is what the next outcome counts."""

    bins: dict[int, float] = field(default_factory=dict)
    count: int = 0
    total: float = 0.0
    seconds: float = 0.0
    weight: float = 1.0

    def add(self, seconds: float) -> None:
        """Count one outcome."""
        seconds = min(max(seconds, SHORTEST), LONGEST)
        place = ceil(log(seconds) / WIDTH)
        self.bins[place] = self.bins.get(place, 0.0) + self.weight
        self.count += 1
        self.total += self.weight
        self.seconds += self.weight * seconds
        self.weight *= FADE
        if self.weight > HEAVIEST:
            self._rescale(1 / self.weight)

    def mixed_with(self, alike: "Sketch", counting: float | None = None) -> "Sketch":
        """The sketch together with that of what is alike, which counts as `counting` outcomes.

        Without `counting` it counts as a few, and as none after FEW outcomes of the sketch's own.
        """
        if counting is None:
            counting = max(0.0, ALIKE * (1 - self.count / FEW))
        if not counting or not alike.total:
            return self
        scale = 1 / self.weight
        more = counting / alike.total
        bins = {place: weight * scale for place, weight in self.bins.items()}
        for place, weight in alike.bins.items():
            bins[place] = bins.get(place, 0.0) + weight * more
        total = self.total * scale + alike.total * more
        return Sketch(bins, self.count, total, self.seconds * scale + alike.seconds * more)

    def quantile(self, q: float) -> float:
        """The duration in seconds that a share `q` of the outcomes does not exceed; 0 without any."""
        left, place = q * self.total, 0
        for place in sorted(self.bins):
            left -= self.bins[place]
            if left <= 0:
                break
        return exp((place - 0.5) * WIDTH) if self.bins else 0.0

    def expected(self) -> Expected:
        """The median, the 90th percentile and the mean."""
        mean = self.seconds / self.total if self.total else 0.0
        return Expected(self.quantile(0.5), self.quantile(0.9), mean)

    def moments(self) -> tuple[float, float]:
        """The mean of the logarithms of the durations, and how far each is from it, squared and summed."""
        total = sum(self.bins.values()) or 1.0
        mean = sum(place * weight for place, weight in self.bins.items()) / total
        square = sum(weight * (place - mean) ** 2 for place, weight in self.bins.items()) / total
        return mean * WIDTH, self.count * square * WIDTH**2

    def _rescale(self, by: float) -> None:
        self.bins = {place: weight * by for place, weight in self.bins.items()}
        self.total, self.seconds, self.weight = self.total * by, self.seconds * by, 1.0


@dataclass
class RunningQuantiles:
    """Sketches by scenario, agent and kind. What is new is expected to be as what contains it.

    Of a kind with few outcomes all of the agent count too, of such an agent all of its scenario, and
    of such a scenario everything.
    """

    sketches: dict[Key, Sketch] = field(default_factory=dict)

    def learn(self, examples: Iterable[Example]) -> None:
        """Count the examples, which must be in the order of their ends."""
        for example in examples:
            for key in _keys(example.features.scenario, example.agent, example.features.word(KIND)):
                sketch = self.sketches.get(key)
                if sketch is None:
                    if len(self.sketches) >= MOST_SKETCHES:
                        continue
                    sketch = self.sketches[key] = Sketch()
                sketch.add(example.seconds)
        self._mixed.clear()
        self._countings.clear()

    def expected(self, scenario: str, agent: str, kind: str = "") -> Expected:
        """What the agent is expected to take; all 0 if nothing was ever counted."""
        keys = _keys(scenario, agent, kind)
        key = next((key for key in reversed(keys) if key in self.sketches), ())
        found = self._mixed.get(key)
        if found is None:
            found = self._mixed[key] = self._sketch(key).expected()
        return found

    def count(self, scenario: str, agent: str, kind: str = "") -> int:
        """How many outcomes of the agent were counted, on this kind if one is given."""
        sketch = self.sketches.get((scenario, agent, kind) if kind else (scenario, agent))
        return sketch.count if sketch else 0

    @cached_property
    def _countings(self) -> dict[Key, float | None]:
        return {}

    def _counting(self, key: Key) -> float | None:
        """How many outcomes an agent counts as for each of its kinds; None where its kinds are too few."""
        if not self._countings:
            kinds = defaultdict[Key, list[Sketch]](list)
            for known, sketch in self.sketches.items():
                if len(known) == WITH_KIND:
                    kinds[known[:-1]].append(sketch)
            self._countings.update({agent: credibility(found) for agent, found in kinds.items()})
        return self._countings.get(key[:-1])

    @cached_property
    def _mixed(self) -> dict[Key, Expected]:
        return {}

    def _sketch(self, key: Key) -> Sketch:
        mixed = Sketch()
        for length in range(len(key) + 1):
            counting = self._counting(key) if length == WITH_KIND else None
            mixed = self.sketches.get(key[:length], Sketch()).mixed_with(mixed, counting)
        return mixed

    def dump(self) -> list[dict[str, Any]]:
        """The sketches as JSON."""
        return [
            {"key": list(key), "count": s.count, "bins": sorted(s.bins.items())}
            | {"total": s.total, "seconds": s.seconds, "weight": s.weight}
            for key, s in self.sketches.items()
        ]

    @classmethod
    def load(cls, stored: Iterable[Mapping[str, Any]]) -> "RunningQuantiles":
        """The same from JSON. Raises KeyError, TypeError or ValueError for anything else."""
        sketches = {}
        for one in stored:
            bins = {int(place): float(weight) for place, weight in one["bins"]}
            numbers = (float(one[name]) for name in ("total", "seconds", "weight"))
            sketches[tuple(map(str, one["key"]))] = Sketch(bins, int(one["count"]), *numbers)
        return cls(sketches)


def credibility(kinds: Sequence[Sketch]) -> float | None:
    """How many outcomes all kinds together count as for one of them: the less they differ, the more.

    It is the variance within kinds over the variance between them, of the logarithms of durations.
    None if there are too few to say. Source: H. Bühlmann, "Experience rating and credibility", 1967.
    """
    count, groups = sum(one.count for one in kinds), len(kinds)
    if groups < FEWEST_KINDS or count <= groups:
        return None
    moments = [one.moments() for one in kinds]
    mean = sum(one.count * m for one, (m, _) in zip(kinds, moments, strict=True)) / count
    within = sum(squares for _, squares in moments) / (count - groups)
    apart = sum(one.count * (m - mean) ** 2 for one, (m, _) in zip(kinds, moments, strict=True))
    typical = (count - sum(one.count**2 for one in kinds) / count) / (groups - 1)
    between = (apart / (groups - 1) - within) / typical
    return min(max(within / between, LEAST_ALIKE), MOST_ALIKE) if between > 0 else MOST_ALIKE


def _keys(scenario: str, agent: str, kind: str) -> list[Key]:
    """From everything to this kind of item."""
    keys: list[Key] = [(), (scenario,), (scenario, agent)]
    return [*keys, (scenario, agent, kind)] if kind else keys

"""Quantiles of durations that are updated with each outcome and need little data.

A sketch counts durations in bins of 5 %, so that every quantile is right within 2.5 %, as in DDSketch
(arXiv 1908.10693). Old outcomes fade: one that is 500 outcomes old counts half, since systems change.
"""

from collections.abc import Iterable, Mapping
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

    def mixed_with(self, alike: "Sketch") -> "Sketch":
        """The sketch itself; with few outcomes, together with the sketch of what is alike."""
        if self.count >= FEW or not alike.total:
            return self
        scale = 1 / self.weight
        more = ALIKE * (1 - self.count / FEW) / alike.total
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
    def _mixed(self) -> dict[Key, Expected]:
        return {}

    def _sketch(self, key: Key) -> Sketch:
        mixed = Sketch()
        for length in range(len(key) + 1):
            mixed = self.sketches.get(key[:length], Sketch()).mixed_with(mixed)
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


def _keys(scenario: str, agent: str, kind: str) -> list[Key]:
    """From everything to this kind of item."""
    keys: list[Key] = [(), (scenario,), (scenario, agent)]
    return [*keys, (scenario, agent, kind)] if kind else keys

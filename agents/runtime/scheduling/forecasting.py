"""The forecasting model: learned from examples, asked for many items at once, kept as JSON.

    model = fit(examples, booster)                         # examples in any order; booster or None
    model.predict([(features, "charge_card"), ...])        # -> list[Expected], one for each
    model.forecasts([features, ...], "a1b2c3d4")           # -> list[Forecast | None], for whole items

An agent has boosted trees only if they beat its running quantiles by 2 % on the newest fifth of its
history, and if it takes long enough to matter; what is new always has running quantiles.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from math import exp, log, sqrt
from typing import Any

from agents.runtime.model.forecast import Expected, Forecast
from agents.runtime.scheduling.boosted import Boosted, Booster, train
from agents.runtime.scheduling.evaluation import gain, loss
from agents.runtime.scheduling.features import KIND, Example, Features
from agents.runtime.scheduling.running_quantiles import RunningQuantiles

FORMAT = 1
LEAST_EXAMPLES = 400  # of an agent, for trees
LEAST_SHARE, LEAST_SECONDS = 0.01, 0.001  # of all seconds, and of one outcome, for trees
LEAST_GAIN = 0.02
LEARNED = 0.8  # the share of an agent's history that trees are tried after
LEAST_VISITS = 0.01  # of an agent in an item; what is rarer is left out
NORMAL_P90 = 1.2816
WIDEST = 3.0  # the most that the logarithm of a total may vary
MOST_CACHED = 20_000

Step = tuple[str, str]  # scenario and agent


@dataclass
class Model:
    """What was learned; `visits` is how often each agent of a scenario works on an item that completes."""

    running: RunningQuantiles = field(default_factory=RunningQuantiles)
    boosted: dict[Step, Boosted] = field(default_factory=dict)
    visits: dict[str, dict[str, float]] = field(default_factory=dict)
    versions: dict[Step, str] = field(default_factory=dict)
    _known: dict[Features, Forecast] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)

    def predict(self, rows: Sequence[tuple[Features, str]]) -> list[Expected]:
        """What each agent is expected to take on an item with these features."""
        found: list[Expected | None] = [None] * len(rows)
        steps: defaultdict[Step, list[int]] = defaultdict(list)
        for number, (features, agent) in enumerate(rows):
            steps[features.scenario, agent].append(number)
        for step, numbers in steps.items():
            here = self._of_step(step, [rows[number][0] for number in numbers])
            for number, expected in zip(numbers, here, strict=True):
                found[number] = expected
        return [one for one in found if one is not None]

    def forecasts(self, items: Sequence[Features], name: str) -> list[Forecast | None]:
        """The forecasts of items; None for a scenario without history. `name` is the model's version.

        Items with equal features share one forecast, which is made once.
        """
        if len(self._known) + len(items) > MOST_CACHED:
            self._known.clear()
        new = list({one for one in items if one not in self._known and one.scenario in self.visits})
        if new:
            self._known.update(zip(new, self._new_forecasts(new, name), strict=True))
        return [self._known.get(one) for one in items]

    def used(self, scenario: str) -> AbstractSet[str]:
        """The names of the features that forecasts of the scenario use."""
        names = self._names.get(scenario)
        if names is None:
            trees = [one for (of, _), one in self.boosted.items() if of == scenario]
            names = {KIND, *(name for one in trees for name in (*one.numbers, *one.words))}
            self._names[scenario] = names
        return names

    def dump(self) -> dict[str, Any]:
        """The model as JSON."""
        return {
            "format": FORMAT,
            "running": self.running.dump(),
            "boosted": [[*step, boosted.dump()] for step, boosted in self.boosted.items()],
            "visits": self.visits,
            "versions": [[*step, version] for step, version in self.versions.items()],
        }

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Model":
        """A model from JSON. Raises ValueError for anything else, or another format."""
        try:
            if stored["format"] != FORMAT:
                raise ValueError(f"format {stored['format']!r}")
            return cls(
                RunningQuantiles.load(stored["running"]),
                {(str(s), str(a)): Boosted.load(one) for s, a, one in stored["boosted"]},
                {
                    str(scenario): {str(agent): float(share) for agent, share in agents.items()}
                    for scenario, agents in stored["visits"].items()
                },
                {(str(s), str(a)): str(version) for s, a, version in stored["versions"]},
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a model: {error!r}") from error

    def _of_step(self, step: Step, rows: Sequence[Features]) -> list[Expected]:
        boosted = self.boosted.get(step)
        if boosted is not None:
            version = self.versions.get(step, "")
            return boosted.predict([(features, version) for features in rows])
        return [self.running.expected(*step, features.word(KIND)) for features in rows]

    def _new_forecasts(self, items: Sequence[Features], name: str) -> list[Forecast]:
        agents: defaultdict[Features, dict[str, Expected]] = defaultdict(dict)
        rows = [(one, agent) for one in items for agent in self.visits[one.scenario]]
        for (features, agent), expected in zip(rows, self.predict(rows), strict=True):
            agents[features][agent] = expected
        found = []
        for one in items:
            sum_of = total([(self.visits[one.scenario][a], e) for a, e in agents[one].items()])
            found.append(Forecast(sum_of, agents[one], name, sum_of.mean))
        return found


def fit(
    examples: Sequence[Example],
    booster: Booster | None = None,
    completed: Mapping[str, int] | None = None,
) -> Model:
    """Learn from examples; without a booster running quantiles alone. The same examples, the same model.

    Examples of costs are of those items that cost something: `completed` counts all, by scenario.
    """
    ordered = sorted(examples, key=lambda one: (one.at, one.item, one.agent))
    model = Model()
    model.running.learn(ordered)
    steps: defaultdict[Step, list[Example]] = defaultdict(list)
    items: defaultdict[str, set[int]] = defaultdict(set)
    for one in ordered:
        steps[one.features.scenario, one.agent].append(one)
        items[one.features.scenario].add(one.item)
        model.versions[one.features.scenario, one.agent] = one.version
    counts = Counter({step: len(known) for step, known in steps.items()})
    for (scenario, agent), count in counts.items():
        visits = count / (completed or {}).get(scenario, len(items[scenario]))
        if visits >= LEAST_VISITS:
            model.visits.setdefault(scenario, {})[agent] = visits
    if booster is not None:
        least = LEAST_SECONDS if completed is None else 0.0
        model.boosted = _boosted(steps, booster, least)
    return model


def total(parts: Sequence[tuple[float, Expected]]) -> Expected:
    """What agents take in total, each with how often it works on an item.

    Each is taken as log-normal and independent of the others, and so is the total.
    """
    if len(parts) == 1 and parts[0][0] == 1:
        return parts[0][1]
    mean = variance = 0.0
    for visits, one in parts:
        width = min(log(one.p90 / one.p50) / NORMAL_P90, WIDEST) if one.p50 > 0 else 0.0
        square = one.mean**2 * exp(width**2)
        mean += visits * one.mean
        variance += visits * square - min(visits, 1.0) ** 2 * one.mean**2
    if mean <= 0:
        return Expected(0.0, 0.0, 0.0)
    width = min(sqrt(log(1 + max(variance, 0.0) / mean**2)), WIDEST)
    p50 = mean * exp(-(width**2) / 2)
    return Expected(p50, p50 * exp(NORMAL_P90 * width), mean)


def _boosted(
    steps: Mapping[Step, Sequence[Example]], booster: Booster, least_each: float
) -> dict[Step, Boosted]:
    """Trees for the agents that have them: those with many outcomes, of `least_each` on average."""
    seconds = {step: sum(one.seconds for one in known) for step, known in steps.items()}
    least = LEAST_SHARE * sum(seconds.values())
    found = {}
    for step, known in steps.items():
        enough = len(known) >= LEAST_EXAMPLES
        if not enough or seconds[step] < max(least, least_each * len(known)):
            continue
        tried = _tried(step, known, booster)
        if tried is not None:
            trees = train(known, booster)
            found[step] = replace(trees, shift=tried.shift, mean_factor=tried.mean_factor)
    return found


def _tried(step: Step, known: Sequence[Example], booster: Booster) -> Boosted | None:
    """Trees from the older part, fitted to the newer one; None if running quantiles are as good."""
    end = int(LEARNED * len(known))
    older, newer = known[:end], known[end:]
    running = RunningQuantiles()
    running.learn(older)
    boosted = train(older, booster).fitted_to(newer)
    expected = boosted.predict([(one.features, one.version) for one in newer])
    mine = [loss(one.seconds, e) for one, e in zip(newer, expected, strict=True)]
    others = [loss(one.seconds, running.expected(*step, one.features.word(KIND))) for one in newer]
    return boosted if gain(mine, others).value >= LEAST_GAIN else None

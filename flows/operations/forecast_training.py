"""Training of forecasts: learn from the older items, judge on the newer ones, enter the model.

A model is promoted if it beats mean and moving average by 2 % with 95 % confidence on the newest fifth of
the items, and the champion on those that the champion was not learned from. The promoted model is then
learned from all of them.
"""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import orjson

from agents.runtime.clock import clock
from agents.runtime.files import write_whole
from agents.runtime.forecast_registry import MODEL, AgentFacts, ForecastCard, Forecasts
from agents.runtime.model.forecast import Expected
from agents.runtime.model_registry import CARD, Change, Interval, Registry
from agents.runtime.scheduling.boosted import Booster
from agents.runtime.scheduling.evaluation import Gain, Judgement, Predict, compared, judge
from agents.runtime.scheduling.features import Example
from agents.runtime.scheduling.forecasting import Model, fit

LEARNED = 0.8  # the share of the items, the oldest, that is learned from before the rest is judged
LEAST_ITEMS = 200  # in total
LEAST_NEW = 50  # that the champion was not learned from


@dataclass(frozen=True, slots=True)
class Trained:
    """A new model with its card, and what the registry decided; None for what was not made."""

    reason: str
    card: ForecastCard | None = None
    change: Change | None = None


def train(
    examples: Sequence[Example],
    models: Forecasts,
    booster: Booster | None,
    completed: Mapping[str, int] | None = None,
) -> Trained:
    """Train a model on the examples and enter it. The same examples give the same model.

    Examples of costs are of those items that cost something: `completed` counts all, by scenario.

    Raises ChampionChanged if another process promotes a model meanwhile.
    """
    learned, held_out = _split(examples)
    items = len({one.item for one in examples})
    if items < LEAST_ITEMS:
        return Trained(f"{items:,} completed items, {LEAST_ITEMS:,} are needed")
    registry = models.read()
    tried = fit(learned, booster, completed)
    found = judge(learned, held_out, _by(tried))
    against, champion = None, _champion(models, registry)
    if champion is not None:
        new = _new(held_out, registry.cards[registry.champion].until)
        count = len({one.item for one in new})
        if count < LEAST_NEW:
            reason = f"{count:,} items since the champion was learned, {LEAST_NEW:,} are needed"
            return Trained(reason)
        against = _interval(compared(new, _by(tried), _by(champion)))
    model = fit(examples, booster, completed)
    card = _kept(models, model, examples, found)
    change = models.challenge(card, registry.champion, against)
    _sweep(models)
    return Trained(change.why, card, change)


def _split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """The examples of the older and of the newer items, in the order of their ends."""
    ends: defaultdict[int, float] = defaultdict(float)
    for one in examples:
        ends[one.item] = max(ends[one.item], one.at)
    ordered = sorted(ends, key=lambda item: (ends[item], item))
    newer = set(ordered[int(LEARNED * len(ordered)) :])
    in_order = sorted(examples, key=lambda one: (one.at, one.item, one.agent))
    return (
        [one for one in in_order if one.item not in newer],
        [one for one in in_order if one.item in newer],
    )


def _by(model: Model) -> Predict:
    def predict(examples: Sequence[Example]) -> list[Expected]:
        return model.predict([(one.features, one.agent) for one in examples])

    return predict


def _champion(models: Forecasts, registry: Registry[ForecastCard]) -> Model | None:
    """The champion; None if there is none, or none that can be read."""
    try:
        return models.load(registry.champion) if registry.champion else None
    except (OSError, ValueError):
        return None


def _new(held_out: Sequence[Example], until: float) -> list[Example]:
    """The examples of items of which the champion was learned from nothing."""
    old = {one.item for one in held_out if one.at <= until}
    return [one for one in held_out if one.item not in old]


def _kept(
    models: Forecasts, model: Model, examples: Sequence[Example], found: Judgement
) -> ForecastCard:
    """Write the model, and last its card: with a card it is complete."""
    stored = orjson.dumps(model.dump(), option=orjson.OPT_SORT_KEYS).decode()
    version = hashlib.sha256(stored.encode()).hexdigest()[:12]
    card = ForecastCard(
        version=version,
        gain=_interval(found.gain),
        made_at=clock().time(),
        until=max(one.at for one in examples),
        learned=len(examples),
        judged=found.items,
        loss=found.loss,
        loss_of_mean=found.loss_of_mean,
        loss_of_ewma=found.loss_of_ewma,
        coverage=found.coverage,
        concordance=found.concordance,
        agents=_facts(model),
    )
    write_whole(models.path(version) / MODEL, stored)
    write_whole(models.path(version) / CARD, card)
    return card


def _facts(model: Model) -> dict[str, dict[str, AgentFacts]]:
    facts: dict[str, dict[str, AgentFacts]] = {}
    for scenario, agents in model.visits.items():
        for agent in agents:
            boosted = model.boosted.get((scenario, agent))
            count = model.running.count(scenario, agent)
            by = "boosted trees" if boosted else "running quantiles"
            matters = dict(boosted.matters) if boosted else {}
            facts.setdefault(scenario, {})[agent] = AgentFacts(count=count, by=by, matters=matters)
    return facts


def _sweep(models: Forecasts) -> None:
    """Delete the files of models that nobody can roll back to."""
    registry = models.read()
    kept = {registry.champion, registry.challenger, *registry.before}
    for folder in (models.folder / "models").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _interval(found: Gain) -> Interval:
    return Interval(**asdict(found))

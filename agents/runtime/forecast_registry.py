"""The registry of forecasting models: what their cards say, and how one explains a forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import orjson
from pydantic import BaseModel, Field

from agents.runtime.model.forecast import Expected
from agents.runtime.model_registry import Card, ModelRegistry, Registry
from agents.runtime.scheduling.forecasting import Model

FOLDER, COSTS, MODEL = "forecasts", "costs", "model.json"
LARGEST = 64 * 1024 * 1024  # bytes of a model
MOST_MATTERS = 3


class AgentFacts(BaseModel, frozen=True):
    """What a model has of one agent: how many outcomes, by what it forecasts, and what matters most."""

    count: int
    by: str
    matters: dict[str, float] = Field(default_factory=dict)


class ForecastCard(Card, frozen=True):
    """The facts about a forecasting model, as found on held-out outcomes; times are since 1970.

    `learned` counts the outcomes that it was learned from until `until`, `judged` the items that it was
    judged on. `coverage` is the share of outcomes under their 90th percentile.
    """

    baseline = "mean and moving average"

    made_at: float
    until: float
    learned: int
    judged: int
    loss: float
    loss_of_mean: float
    loss_of_ewma: float
    coverage: float
    concordance: float
    agents: dict[str, dict[str, AgentFacts]]

    @property
    def least_gain(self) -> float:
        """Two percent, as `gain` is a share."""
        return 0.02


class Forecasts(ModelRegistry[ForecastCard]):
    """The registry of forecasting models, in the folder `forecasts` of the data folder."""

    content = Registry[ForecastCard]

    def load(self, version: str) -> Model:
        """A trained model. Raises OSError and ValueError."""
        path = self.path(version) / MODEL
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} is larger than a model")
        return Model.load(orjson.loads(path.read_bytes()))


def cost_models(data: Path) -> dict[str, Forecasts]:
    """The registries of models that forecast costs, by their resource. `data` is the data folder."""
    folder = data / FOLDER / COSTS
    names = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    return {unquote(name): Forecasts(folder / name) for name in names}


def cost_model(data: Path, resource: str) -> Forecasts:
    """The registry of models that forecast the cost in this resource, such as model tokens."""
    return Forecasts(data / FOLDER / COSTS / quote(resource, safe="").replace(".", "%2E"))


@dataclass(frozen=True, slots=True)
class AgentExplained:
    """What one agent is expected to take, by what, from about how many outcomes, and what mattered.

    `by` is "boosted trees" or "running quantiles"; `matters` has the features that matter most, with
    their shares. `outcomes` is rounded, since it counts those of all tenants.
    """

    agent: str
    expected: Expected
    by: str
    outcomes: int
    matters: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Explained:
    """The forecast of an item: what is expected, how sure that is, and from what.

    `card` is that of the model; None if it is no longer in the registry. The agent that is expected to
    take longest comes first.
    """

    total: Expected
    agents: Sequence[AgentExplained]
    model: str
    card: ForecastCard | None


def explain(
    scenario: str,
    forecast: Mapping[str, Sequence[float]],
    total: Expected,
    model: str,
    card: ForecastCard | None,
) -> Explained:
    """Explain a forecast from what its item's row has of each agent, and the card of its model."""
    facts = card.agents.get(scenario, {}) if card else {}
    agents = [
        _explained(name, Expected(*numbers), facts.get(name)) for name, numbers in forecast.items()
    ]
    agents.sort(key=lambda one: -one.expected.mean)
    return Explained(total, agents, model, card)


def _explained(agent: str, expected: Expected, facts: AgentFacts | None) -> AgentExplained:
    if facts is None:
        return AgentExplained(agent, expected, "", 0, ())
    most = sorted(facts.matters.items(), key=lambda one: -one[1])[:MOST_MATTERS]
    return AgentExplained(agent, expected, facts.by, rounded(facts.count), most)


def rounded(count: int) -> int:
    """The count to one digit, so that it tells no tenant how much others do."""
    zeros = len(str(count)) - 1
    return int(str(count)[0] + "0" * zeros)

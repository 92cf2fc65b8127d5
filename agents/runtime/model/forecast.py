"""Forecasts: how long agents will take on an item and what that costs, predicted once, at its acceptance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True, slots=True)
class Expected:
    """Seconds of work, or an amount: the median, the 90th percentile, and the mean, which can be added up."""

    p50: float
    p90: float
    mean: float

    @property
    def in_chain(self) -> float:
        """Seconds of one link of a chain of work: the mean, or the median where that is longer.

        Few that end at once lower the mean, and a chain that is taken as too short begins too late.
        """
        return max(self.mean, self.p50)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the model of version `model` expects of an item, in total and of each agent.

    Among the items of one tenant and priority that with the lowest `precedence` goes first. `costs` has by
    resource the forecast of the amount that is used, by a model of its own. `total` is None where only
    costs are forecast.
    """

    total: Expected | None
    agents: Mapping[str, Expected]
    model: str
    precedence: float | None
    costs: "Mapping[str, Forecast]" = field(default_factory=dict)

    def columns(self) -> dict[str, object]:
        """The columns of the item's row."""
        if self.total is None:
            return NO_FORECAST | {"costs": self._costs()}
        return {
            "p50": self.total.p50,
            "p90": self.total.p90,
            "expected": self.total.mean,
            "forecast": orjson.dumps(by_agent(self.agents)).decode(),
            "forecast_model": self.model,
            "precedence": self.precedence,
            "costs": self._costs(),
        }

    def _costs(self) -> str | None:
        if not self.costs:
            return None
        found = {
            name: {
                "model": one.model,
                "total": one.total and [one.total.p50, one.total.p90, one.total.mean],
                "agents": by_agent(one.agents),
            }
            for name, one in self.costs.items()
        }
        return orjson.dumps(found).decode()


def by_agent(agents: Mapping[str, Expected]) -> dict[str, list[float]]:
    """What is expected of each agent, as JSON."""
    return {name: [one.p50, one.p90, one.mean] for name, one in agents.items()}


NO_FORECAST: dict[str, object] = dict.fromkeys(
    ("p50", "p90", "expected", "forecast", "forecast_model", "precedence", "costs")
)

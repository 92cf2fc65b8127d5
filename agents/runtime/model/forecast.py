"""Forecasts: how long agents will take on an item, predicted once, when the item is accepted."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Expected:
    """Seconds of work: the median, the 90th percentile, and the mean, which can be added up."""

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

    Among the items of one tenant and priority that with the lowest `precedence` goes first.
    """

    total: Expected
    agents: Mapping[str, Expected]
    model: str
    precedence: float

    def columns(self) -> dict[str, object]:
        """The columns of the item's row."""
        return {
            "p50": self.total.p50,
            "p90": self.total.p90,
            "expected": self.total.mean,
            "forecast": orjson.dumps(
                {name: [one.p50, one.p90, one.mean] for name, one in self.agents.items()}
            ).decode(),
            "forecast_model": self.model,
            "precedence": self.precedence,
        }


NO_FORECAST: Mapping[str, object] = dict.fromkeys(
    ("p50", "p90", "expected", "forecast", "forecast_model", "precedence")
)

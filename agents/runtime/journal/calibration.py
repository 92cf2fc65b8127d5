"""How right forecasts were: the newest completed items that had one, against the work they took."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import orjson

from agents.runtime.journal.database import Database
from agents.runtime.journal.durations import Completed, completed
from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.evaluation import MOST_COMPARED, concordance


@dataclass(frozen=True, slots=True)
class Calibration:
    """Forecasts of `items` completed items, and what became of them.

    `under_p50` and `under_p90` are the shares of items that took at most the median and the 90th
    percentile: 0.5 and 0.9 if forecasts are calibrated. `concordance` is the share of pairs in the right
    order. `expected` and `seconds` are the mean seconds, forecast and taken; of a cost, mean amounts.
    """

    items: int = 0
    under_p50: float = 0.0
    under_p90: float = 0.0
    concordance: float = 0.5
    expected: float = 0.0
    seconds: float = 0.0


async def calibration(database: Database, scenario: str, most: int) -> Calibration:
    """The calibration of the forecasts of items of all tenants among the `most` that ended last."""
    found = [one async for one in completed(database, scenario, most) if _is_forecast(one)]
    if not found:
        return Calibration()
    columns = (one.row for one in found)
    expected = [Expected(row.p50, row.p90, row.expected) for row in columns]
    return _compared(expected, [one.seconds for one in found])


async def cost_calibrations(database: Database, scenario: str, most: int) -> dict[str, Calibration]:
    """By resource, the calibration of the forecasts of costs among the `most` items that ended last."""
    pairs = defaultdict[str, list[tuple[Expected, float]]](list)
    async for one in completed(database, scenario, most):
        for resource, cost in orjson.loads(one.row.costs or "{}").items():
            used = sum(step.used.get(resource, 0.0) for step in one.durations)
            pairs[resource].append((Expected(*cost["total"]), used))
    return {resource: _compared(*zip(*found, strict=True)) for resource, found in pairs.items()}


def _compared(expected: Sequence[Expected], taken: Sequence[float]) -> Calibration:
    pairs = list(zip(expected, taken, strict=True))
    in_order = [(one.mean, outcome) for one, outcome in pairs[:MOST_COMPARED]]
    return Calibration(
        len(pairs),
        fmean(outcome <= one.p50 for one, outcome in pairs),
        fmean(outcome <= one.p90 for one, outcome in pairs),
        concordance(in_order),
        fmean(one.mean for one in expected),
        fmean(taken),
    )


def _is_forecast(one: Completed) -> bool:
    return one.row.p90 is not None and bool(one.durations)

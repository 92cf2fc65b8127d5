"""How right forecasts were: the newest completed items that had one, against the work they took."""

from dataclasses import dataclass
from statistics import fmean

from agents.runtime.journal.database import Database
from agents.runtime.journal.durations import Completed, completed
from agents.runtime.scheduling.evaluation import MOST_COMPARED, concordance


@dataclass(frozen=True, slots=True)
class Calibration:
    """Forecasts of `items` completed items, and what became of them.

    `under_p50` and `under_p90` are the shares of items that took at most the median and the 90th
    percentile: 0.5 and 0.9 if forecasts are calibrated. `concordance` is the share of pairs in the right
    order. `expected` and `seconds` are the mean seconds, forecast and taken.
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
    pairs = [(one.row.expected, one.seconds) for one in found]
    return Calibration(
        len(found),
        fmean(one.seconds <= one.row.p50 for one in found),
        fmean(one.seconds <= one.row.p90 for one in found),
        concordance(pairs[:MOST_COMPARED]),
        fmean(expected for expected, _ in pairs),
        fmean(seconds for _, seconds in pairs),
    )


def _is_forecast(one: Completed) -> bool:
    return one.row.p90 is not None and bool(one.durations)

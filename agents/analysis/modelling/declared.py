"""Which features a contract declares beside the columns that are known before the outcome."""

from collections.abc import Container, Iterable
from datetime import date
from typing import Annotated

import holidays
from pydantic import Field, model_validator

from agents.analysis.column import Frozen

Hours = Annotated[float, Field(gt=0, le=24 * 366 * 2)]


class Features(Frozen):
    """Earlier outcomes of the same series, which `by` tells apart; all times are in hours.

    `lags` are how long ago: the outcome of exactly that time. `means` are spans: the mean of the outcomes
    within that span. `known_after` is how long after its time an outcome is known; what was not known
    at the time of a row is no feature of it.
    """

    by: tuple[str, ...] = ()
    lags: tuple[Hours, ...] = ()
    means: tuple[Hours, ...] = ()
    known_after: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _check_lags(self) -> "Features":
        if early := [lag for lag in self.lags if lag < self.known_after]:
            raise ValueError(
                f"lags: {early[0]:g} hours ago the outcome is not known yet: known_after is {self.known_after:g}"
            )
        return self


def holidays_of(place: str, years: Iterable[int]) -> Container[date]:
    """The public holidays of a country, or of one of its regions. Raises ValueError for an unknown one."""
    country, _, region = place.partition("-")
    try:
        found: Container[date] = holidays.country_holidays(
            country, subdiv=region or None, years=list(years)
        )
    except NotImplementedError:
        raise ValueError(f"holidays: {place!r} is none, such as DE, DE-BY or US") from None
    return found

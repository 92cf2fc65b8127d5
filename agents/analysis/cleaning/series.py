"""Gaps of series: from when to when each lacks rows, and how many of these are only quarantined."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agents.analysis.contract import Gap


@dataclass(frozen=True, slots=True)
class Absence:
    """Times that a series lacks: all from the `first` to the `last`, of which some are in the quarantine."""

    series: dict[str, str]
    first: pd.Timestamp
    last: pd.Timestamp
    missing: int
    quarantined: int

    def record(self) -> dict[str, Any]:
        """It as an entry of the list of gaps."""
        return {
            "series": self.series,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "missing": self.missing,
            "quarantined": self.quarantined,
        }


@dataclass(frozen=True, slots=True)
class Series:
    """All gaps, and how many times there should be from the first to the last of each series."""

    absences: list[Absence]
    expected: int

    @property
    def missing(self) -> int:
        """How many times are missing."""
        return sum(one.missing for one in self.absences)


def gaps_in(rows: pd.DataFrame, time: str, gap: Gap, bad: pd.DataFrame | None = None) -> Series:
    """The gaps of the series in these rows; `bad` has the rows that are quarantined."""
    step = pd.Timedelta(seconds=gap.every)
    present = _times(rows, time, gap, step)
    lost = _times(bad, time, gap, step) if bad is not None else {}
    found, expected = list[Absence](), 0
    for series, times in present.items():
        expected += round((times[-1] - times[0]) / step) + 1
        named = dict(zip(gap.by, map(str, series), strict=True))
        found += _absences(named, times, lost.get(series, times[:0]), step)
    return Series(found, expected)


def _times(
    rows: pd.DataFrame, time: str, gap: Gap, step: pd.Timedelta
) -> dict[tuple[Any, ...], pd.DatetimeIndex]:
    """The different times of each series in their order, rounded down to the step."""
    known = rows[[time, *gap.by]].dropna()
    known = known.assign(**{time: known[time].dt.floor(step)}).drop_duplicates().sort_values(time)
    groups = known.groupby(list(gap.by), observed=True) if gap.by else [((), known)]
    return {key: pd.DatetimeIndex(group[time]) for key, group in groups if len(group)}


def _absences(
    series: dict[str, str], times: pd.DatetimeIndex, lost: pd.DatetimeIndex, step: pd.Timedelta
) -> Iterator[Absence]:
    apart = times[1:] - times[:-1]
    for place in np.flatnonzero(apart > step).tolist():
        before, after = times[place], times[place + 1]
        quarantined = int(((lost > before) & (lost < after)).sum())
        missing = round((after - before) / step) - 1
        yield Absence(series, before + step, after - step, missing, quarantined)

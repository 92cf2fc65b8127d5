"""Outliers: values that are far from the median of their group, over all chunks of a partition."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation
MIN_FOR_OUTLIERS = 20
MOST_VALUES = 4_000_000  # of more, every second one is left out, again and again
VALUE, ROW = "\0value", "\0row"  # which no column of a source is named
MIXED = np.uint64(0x9E3779B97F4A7C15)  # rows that follow each other are not left out in a pattern


@dataclass(slots=True)
class Medians:
    """The median of each group and the usual distance from it; of very many values, those of a sample."""

    by: Sequence[str]
    _frames: list[pd.DataFrame] = field(default_factory=list)
    _rows: int = 0
    _held: int = 0
    _halvings: int = 0
    _found: pd.DataFrame = field(default_factory=pd.DataFrame)

    def add(self, keys: pd.DataFrame, values: pd.Series) -> None:
        """See the values of a chunk; those that are missing do not count, nor those without a group."""
        frame = keys.copy()
        frame[VALUE], frame[ROW] = values, np.arange(len(keys)) + self._rows
        self._rows += len(keys)
        self._frames.append(self._sampled(frame.dropna()))
        self._held += len(self._frames[-1])
        while self._held > MOST_VALUES:
            self._halvings += 1
            self._frames = [self._sampled(frame) for frame in self._frames]
            self._held = sum(map(len, self._frames))

    def _sampled(self, frame: pd.DataFrame) -> pd.DataFrame:
        if not self._halvings:
            return frame
        mixed = frame[ROW].to_numpy("uint64") * MIXED
        chosen: pd.DataFrame = frame[mixed >> np.uint64(64 - self._halvings) == 0]
        return chosen

    def decide(self) -> None:
        """Measure the groups; none of few values, or of equal ones, has outliers."""
        seen = pd.concat(self._frames, ignore_index=True) if self._frames else pd.DataFrame()
        self._frames = []
        if not len(seen):
            return
        by = list(self.by)
        codes = seen.groupby(by, sort=False, observed=True).ngroup() if by else seen[ROW] * 0
        values = seen[VALUE].groupby(codes)
        distance = (seen[VALUE] - values.transform("median")).abs().groupby(codes)
        measured = pd.DataFrame(
            {
                "median": values.median(),
                "spread": distance.median() * TO_SIGMA,
                "count": values.count(),
            }
        )
        firsts = seen.groupby(codes)[by].first() if by else pd.DataFrame(index=measured.index)
        is_enough = (measured["count"] >= MIN_FOR_OUTLIERS) & (measured["spread"] > 0)
        self._found = firsts.join(measured)[is_enough]

    def of(self, keys: pd.DataFrame) -> pd.DataFrame:
        """The `median` and the `spread` of the group of each row; missing where nothing is an outlier."""
        if not len(self._found):
            return pd.DataFrame({"median": np.nan, "spread": np.nan}, index=keys.index)
        if self.by:
            near = keys.merge(self._found, on=list(self.by), how="left")
            return near[["median", "spread"]].set_axis(keys.index)
        return pd.DataFrame({c: self._found[c].iloc[0] for c in ("median", "spread")}, keys.index)


def outlying(values: pd.Series, limit: float, near: pd.DataFrame) -> pd.Series:
    """Which values are farther from the median than `limit` times the usual distance."""
    distance = (values - near["median"]).abs()
    return (distance > limit * near["spread"]).fillna(False).astype(bool)

"""Hours that a change of clocks gives twice: the order of the rows says which one is meant.

Within a series, times follow each other: a time that is not later than the one before it is the second of the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from agents.analysis.cleaning.rules import Checked
from agents.analysis.cleaning.values import AWARE, matches
from agents.analysis.contract import Contract

NOTHING = -(2**62)  # microseconds


@dataclass(slots=True)
class Clocks:
    """The columns whose ambiguous times are decided by order, and the latest time of each series so far."""

    contract: Contract
    _latest: dict[tuple[str, Any], int] = field(default_factory=dict)

    def decide(self, cells: pd.DataFrame, chunk: Checked) -> Checked:
        """Make later what is the second of two times; the chunks come in their order."""
        for name, column in self.contract.columns.items():
            if column.by_order and name in cells:
                self._decide(name, cells[name], chunk)
        return chunk

    def _decide(self, name: str, cells: pd.Series, chunk: Checked) -> None:
        zone = self.contract.columns[name].zone
        first = chunk.typed[name]
        local = first.dt.tz_convert(zone).dt.tz_localize(None)
        second = local.dt.tz_localize(zone, ambiguous=[False] * len(local), nonexistent="NaT")
        second = second.dt.tz_convert("UTC")
        is_twice = ((second > first) & ~self._is_zoned(name, cells)).to_numpy(dtype=bool)
        by = [chunk.typed[n] for n in (self.contract.gaps.by if self.contract.gaps else ())]
        groups: Iterable[Any] = [((), first)]
        if by:
            groups = first.groupby(by, sort=False, observed=True)
        decided, later = _microseconds(first), _microseconds(second)
        for series, times in groups:
            rows = times.index[times.notna()].to_numpy()
            if len(rows):
                latest = self._latest.get((name, series), NOTHING)
                _follow(decided, later, rows, is_twice[rows], latest)
                self._latest[name, series] = int(decided[rows[-1]])
        moved = pd.Series(decided, first.index).astype("datetime64[us]").dt.tz_localize("UTC")
        chunk.typed[name] = first.where(first.isna(), moved)

    def _is_zoned(self, name: str, cells: pd.Series) -> pd.Series:
        """Which cells say their zone themselves."""
        if (
            isinstance(cells.dtype, pd.DatetimeTZDtype)
            or "%z" in self.contract.columns[name].format
        ):
            return pd.Series(True, cells.index)
        return pd.Series(matches(cells.astype("string[pyarrow]"), AWARE), cells.index)


def _microseconds(times: pd.Series) -> np.ndarray:
    found: np.ndarray = times.dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64")
    return found


def _follow(
    decided: np.ndarray, later: np.ndarray, rows: np.ndarray, is_twice: np.ndarray, latest: int
) -> None:
    """Decide the times of these rows, which are a series and follow `latest`."""
    twice = np.flatnonzero(is_twice)
    if not len(twice):
        return
    if twice[0]:
        latest = decided[rows[twice[0] - 1]]
    for row, is_open in zip(rows[twice[0] :], is_twice[twice[0] :], strict=True):
        if is_open and decided[row] <= latest:
            decided[row] = later[row]
        latest = decided[row]

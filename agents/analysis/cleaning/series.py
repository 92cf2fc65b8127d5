"""Gaps of series: from when to when each lacks rows, and how many of these are only quarantined.

The times of a series are kept as runs without a gap, so that they take little memory however many there are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from agents.analysis.contract import Gap

FIRST, LAST = "\0first", "\0last"  # which no column of a source is named
MOST_RUNS = 100_000  # that are not joined yet


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


@dataclass(slots=True)
class Times:
    """The times of all series so far, of good rows and of quarantined ones."""

    time: str
    gap: Gap
    present: "Runs" = field(init=False)
    lost: "Runs" = field(init=False)

    def __post_init__(self) -> None:
        self.present, self.lost = (Runs(self.time, self.gap) for _ in range(2))

    def add(self, rows: pd.DataFrame, bad: pd.DataFrame) -> None:
        """Add rows, and those that are quarantined."""
        self.present.add(rows)
        self.lost.add(bad)

    def series(self) -> Series:
        """The gaps by series, in the order of the series and of the times."""
        lost, found, expected = dict(self.lost.by_series()), list[Absence](), 0
        for key, (firsts, lasts) in self.present.by_series():
            expected += int(lasts[-1] - firsts[0]) + 1
            named = dict(zip(self.gap.by, map(str, key), strict=True))
            found += self._absences(named, firsts, lasts, lost.get(key))
        return Series(found, expected)

    def _absences(
        self,
        series: Mapping[str, str],
        firsts: np.ndarray,
        lasts: np.ndarray,
        lost: tuple[np.ndarray, np.ndarray] | None,
    ) -> Iterator[Absence]:
        begins, ends = lasts[:-1] + 1, firsts[1:] - 1
        quarantined = _within(begins, ends, *lost) if lost else np.zeros(len(begins), "int64")
        for begin, end, count in zip(begins, ends, quarantined, strict=True):
            first, last = (
                pd.Timestamp(n * self.present.step, unit="us", tz="UTC") for n in (begin, end)
            )
            yield Absence(dict(series), first, last, int(end - begin) + 1, int(count))


@dataclass(slots=True)
class Runs:
    """The times of series in steps since 1970: runs from a `FIRST` to a `LAST` step without a gap."""

    time: str
    gap: Gap
    _frames: list[pd.DataFrame] = field(default_factory=list)
    _count: int = 0

    @property
    def step(self) -> int:
        """The microseconds between two times."""
        return max(1, round(self.gap.every * 1_000_000))

    def add(self, rows: pd.DataFrame) -> None:
        """Add the times of these rows, rounded down to the step."""
        known = rows[list(dict.fromkeys([self.time, *self.gap.by]))].dropna()
        if known.empty:
            return
        steps = known[self.time].dt.as_unit("us").astype("int64") // self.step
        self.join(known[list(self.gap.by)].assign(**{FIRST: steps, LAST: steps}).drop_duplicates())

    def join(self, runs: pd.DataFrame) -> None:
        """Add runs, with the columns of the series."""
        whole = runs.astype({FIRST: "int64", LAST: "int64"})
        self._frames.append(_joined(whole, self.gap.by))
        self._count += len(self._frames[-1])
        if self._count > MOST_RUNS:
            before = self._count
            self._frames = [self.frame()]
            self._count = min(len(self._frames[0]), before // 2)

    def frame(self) -> pd.DataFrame:
        """All runs, in the order of the series and of the times."""
        if not self._frames:
            return pd.DataFrame(columns=[*self.gap.by, FIRST, LAST])
        return _joined(pd.concat(self._frames, ignore_index=True), self.gap.by)

    def by_series(self) -> Iterator[tuple[tuple[Any, ...], tuple[np.ndarray, np.ndarray]]]:
        """The first and last steps of the runs of each series."""
        runs, by = self.frame(), list(self.gap.by)
        groups: Iterable[Any] = runs.groupby(by, observed=True) if by else [((), runs)]
        for key, some in groups:
            if len(some):
                yield key, (some[FIRST].to_numpy("int64"), some[LAST].to_numpy("int64"))


def _joined(runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The runs in order, those as one that overlap or follow each other."""
    ordered = runs.sort_values([*by, FIRST], ignore_index=True)
    codes = ordered.groupby(list(by), observed=True).ngroup() if by else ordered[FIRST] * 0
    until = ordered[LAST].groupby(codes).cummax().shift()
    is_new = (codes != codes.shift()) | (ordered[FIRST] > until + 1)
    ends = ordered[LAST].groupby(is_new.cumsum()).max()
    return ordered[is_new].assign(**{LAST: ends.to_numpy()}).reset_index(drop=True)


def _within(
    begins: np.ndarray, ends: np.ndarray, firsts: np.ndarray, lasts: np.ndarray
) -> np.ndarray:
    """How many steps of the runs are within each gap."""
    sizes = np.concatenate([[0], np.cumsum(lasts - firsts + 1)])

    def until(step: np.ndarray) -> np.ndarray:
        place = np.searchsorted(firsts, step, side="right")
        beyond = np.maximum(0, lasts[np.maximum(place - 1, 0)] - step)
        return np.asarray(sizes[place] - np.where(place > 0, beyond, 0))

    found: np.ndarray = until(ends) - until(begins - 1)
    return found

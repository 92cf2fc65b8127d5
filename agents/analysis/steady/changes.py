"""What has changed in a source over time, in which of its groups and since when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from agents.analysis.contract import Contract
from agents.analysis.steady.cells import MISSING, numbers, shares
from agents.analysis.steady.declared import Steady
from agents.analysis.steady.hours import shifts
from agents.analysis.steady.jumps import (
    LEAST_DAYS,
    LEAST_DAYS_OF_SHARES,
    jumps,
    jumps_of_share,
)
from agents.analysis.steady.units import NEAR, other_scale, other_unit

POSITIVE = 0.99  # share of positive values of a column whose changes are multiples
LEAST_MULTIPLE, LEAST_SHARE = 0.05, 0.1  # smaller changes are none, however certain
WEEKEND = 5
TOGETHER = pd.Timedelta(days=4)  # between changes that are one
NEIGHBOURS = 3  # series, for each to be compared with the others
MOST = 0.6  # share of the others beside which a series changes, if the change is its own
AROUND, NEAR_DAYS = 21, 7  # before and after a change

Kind = Literal["level", "unit", "hours", "share", "missing"]


@dataclass(frozen=True, slots=True)
class Change:
    """A column of a group is not as before since a time; `until` when, None if it stays so."""

    source: str
    column: str
    group: Mapping[str, str]
    kind: Kind
    since: pd.Timestamp
    until: pd.Timestamp | None
    what: str
    breach: Literal["refuse", "alert", "note"]

    @property
    def where(self) -> str:
        """The source."""
        return self.source

    def __str__(self) -> str:
        group = ", ".join(f"{name} {value}" for name, value in self.group.items())
        until = f" until {self.until:%Y-%m-%d %H:%M}" if self.until is not None else ""
        of = f" of {group}" if group else ""
        return f"{self.column}{of} since {self.since:%Y-%m-%d %H:%M}{until}: {self.what}"


@dataclass(frozen=True, slots=True)
class TooFew:
    """A column has `days` with rows, in a group that has fewest; fewer than `needed` do not tell what is usual."""

    source: str
    column: str
    group: str
    what: str
    days: int
    needed: int
    breach: Literal["note"] = "note"

    @property
    def where(self) -> str:
        """The source."""
        return self.source

    def __str__(self) -> str:
        of = f" of {self.group}" if self.group else ""
        return (
            f"nothing tells yet whether {self.what} of {self.column}{of} is steady: "
            f"{self.days} days with rows, {self.needed} needed"
        )


def changes_in(contract: Contract, files: Sequence[Path]) -> list[Change | TooFew]:
    """The changes of a source that its contract calls steady, in the order of their times.

    Behind them is what has too few days to tell.
    """
    found: list[Change | TooFew] = []
    for one in contract.steady if files else ():
        for column in one.columns:
            kind = contract.columns[column].type
            of = _of_numbers if kind in {"number", "integer"} else _of_shares
            found += of(contract, files, one, column)
    changes = [change for change in found if isinstance(change, Change)]
    few = [one for one in found if isinstance(one, TooFew)]
    return [*sorted(changes, key=lambda change: (change.since, str(change))), *few]


def _of_numbers(
    contract: Contract, files: Sequence[Path], one: Steady, column: str
) -> Iterator[Change | TooFew]:
    cells = numbers(files, contract, one, column)
    if cells.rows.empty:
        return
    zone, unit = contract.columns[contract.time].zone, contract.columns[column].unit
    name = _Naming(contract.name, column, one)
    few = list(name.too_few(cells.rows, zone, "the level", LEAST_DAYS))
    share = "the share of missing values"
    yield from few or name.too_few(cells.rows, zone, share, LEAST_DAYS_OF_SHARES)
    for place, since, until, kind, what in _levels(cells.mean, zone, unit):
        yield name.change(cells.mean.columns[place], kind, since, until, what)
    lacking = (cells.rows - cells.known.reindex_like(cells.rows).fillna(0)).clip(lower=0)
    for place, since, until, what, _ in _shares(lacking, cells.rows, zone, "are missing"):
        yield name.change(cells.rows.columns[place], "missing", since, until, what)
    for place, blocks in shifts(cells.mean, zone).items():
        for block in blocks:
            side = "later" if block.hours > 0 else "earlier"
            what = f"its times are about {abs(block.hours)} hours {side} than before"
            until = block.end.tz_convert(zone) if block.end is not None else None
            yield name.change(
                cells.mean.columns[place], "hours", block.begin.tz_convert(zone), until, what
            )


def _of_shares(
    contract: Contract, files: Sequence[Path], one: Steady, column: str
) -> Iterator[Change | TooFew]:
    tables = shares(files, contract, one, column)
    rows = tables.pop("", pd.DataFrame())
    zone = contract.columns[contract.time].zone
    name = _Naming(contract.name, column, one)
    yield from name.too_few(rows, zone, "the shares of values", LEAST_DAYS_OF_SHARES)
    found = []
    for value, counts in tables.items():
        said = "are missing" if value == MISSING else f"are {value[:40]!r}"
        found += [(value, *one) for one in _shares(counts, rows, zone, said)]
    seen: list[tuple[int, pd.Timestamp]] = []
    for value, place, since, until, what, _ in sorted(
        found, key=lambda one: (one[3] is None, -abs(one[-1]))
    ):
        # What one value gains, others lose: the largest change speaks for all, best one with its end.
        if not any(place == other and abs(since - at) < TOGETHER for other, at in seen):
            seen.append((place, since))
            seen += [(place, until)] if until is not None else []
            kind: Kind = "missing" if value == MISSING else "share"
            yield name.change(rows.columns[place], kind, since, until, what)


@dataclass(frozen=True, slots=True)
class _Naming:
    source: str
    column: str
    one: Steady

    def change(
        self, group: Any, kind: Kind, since: pd.Timestamp, until: pd.Timestamp | None, what: str
    ) -> Change:
        named = self._named(group)
        return Change(self.source, self.column, named, kind, since, until, what, self.one.breach)

    def too_few(self, rows: pd.DataFrame, zone: str, what: str, needed: int) -> Iterator[TooFew]:
        """The group with fewest days, if that is fewer than are needed."""
        if rows.empty:
            return
        day = pd.DatetimeIndex(rows.index).tz_convert(zone).normalize()
        days = (rows.groupby(day).sum() > 0).sum()
        if (fewest := int(days.min())) < needed:
            place = int(np.argmin(days.to_numpy()))
            named = self._named(rows.columns[place])
            group = ", ".join(f"{name} {value}" for name, value in named.items())
            yield TooFew(self.source, self.column, group, what, fewest, needed)

    def _named(self, group: Any) -> dict[str, str]:
        values = group if isinstance(group, tuple) else (group,)
        return dict(zip(self.one.by, map(str, values), strict=False))


Level = tuple[int, pd.Timestamp, pd.Timestamp | None, Kind, str]


def _levels(table: pd.DataFrame, zone: str, unit: str) -> Iterator[Level]:
    """The changes of the level of each series beside its profile over the week, and beside the others."""
    local = pd.DatetimeIndex(table.index).tz_convert(zone)
    known = table.notna().to_numpy().sum()
    is_multiple = bool(known) and (table > 0).to_numpy().sum() >= POSITIVE * known
    values = table.where(table > 0).apply(np.log) if is_multiple else table
    rest = _without_profile(values, local)
    days = rest.groupby(local.normalize()).mean()
    usual = _of_weekdays(days)
    days, rest = days - usual, rest - usual.reindex(local.normalize()).to_numpy()
    for place in range(table.shape[1]):
        own, is_beside = _beside_others(days, place)
        for jump in jumps(own.to_numpy(), LEAST_MULTIPLE if is_multiple else 0.0):
            begin = own.index[jump.begin]
            end = own.index[jump.end] if jump.end is not None else None
            if is_beside and not _is_own(days, place, begin, end):
                continue
            before, after = _around(
                table.iloc[:, place].set_axis(local).dropna(), begin, end, NEAR_DAYS
            )
            ratio = _ratio(before, after)
            expected = before + (_moved(table, place, local, begin, end) if is_beside else 0.0)
            if is_multiple:
                low, high = _around(own, begin, end)
                noise = 3 * float((own - own.rolling(AROUND).median()).abs().median()) / AROUND**0.5
                ratio = float(np.exp(high - low)) if noise < NEAR else 0.0
            exact = rest.iloc[:, place].set_axis(local).dropna()
            until = _exactly(exact, end) if end is not None else None
            yield (
                place,
                _exactly(exact, begin),
                until,
                *_level((before, expected), after, ratio, unit),
            )


def _without_profile(values: pd.DataFrame, local: pd.DatetimeIndex) -> pd.DataFrame:
    """The values less what is usual at their hour, in hours of working days and of weekends."""
    day = local.normalize()
    apart = values - values.groupby(day).transform("mean")
    slot = np.asarray((local.day_of_week >= WEEKEND) * 24 + local.hour)
    return values - apart.groupby(slot).transform("median")


def _of_weekdays(days: pd.DataFrame) -> pd.DataFrame:
    """For each day what is usual on its day of the week, beside the week around it."""
    around = days.rolling(7, center=True, min_periods=4).median()
    weekday = np.asarray(pd.DatetimeIndex(days.index).day_of_week)
    usual: pd.DataFrame = (days - around).groupby(weekday).transform("median")
    return usual


def _beside_others(days: pd.DataFrame, place: int) -> tuple[pd.Series, bool]:
    """The days of a series, and whether they are given less those of the others: if it is steadier so."""
    own = days.iloc[:, place]
    if days.shape[1] < NEIGHBOURS:
        return own.dropna(), False
    beside = own - days.drop(columns=days.columns[place]).median(axis=1)
    wander, beside_wander = (one.dropna().diff().abs().median() for one in (own, beside))
    is_steadier = bool(beside_wander < wander)
    return (beside if is_steadier else own).dropna(), is_steadier


def _is_own(days: pd.DataFrame, place: int, begin: pd.Timestamp, end: pd.Timestamp | None) -> bool:
    """Whether a series changes beside most of the others, and it is not one of them that does."""
    pairs = [days.iloc[:, place] - days.iloc[:, o] for o in range(days.shape[1]) if o != place]
    sizes = np.array([np.subtract(*_around(pair.dropna(), begin, end)) for pair in pairs])
    middle = np.median(sizes)
    agree = (np.sign(sizes) == np.sign(middle)) & (np.abs(sizes) > np.abs(middle) / 2)
    return bool(agree.mean() > MOST)


def _around(
    series: pd.Series, begin: pd.Timestamp, end: pd.Timestamp | None, days: int = AROUND
) -> tuple[float, float]:
    """The medians of these days before a change and after it."""
    span = pd.Timedelta(days=days)
    before = series[(series.index >= begin - span) & (series.index < begin)]
    last = min(begin + span, end) if end is not None else begin + span
    after = series[(series.index >= begin) & (series.index < last)]
    return float(before.median()), float(after.median())


def _ratio(before: float, after: float) -> float:
    return after / before if before and after / before > 0 else 0.0


def _moved(
    table: pd.DataFrame,
    place: int,
    local: pd.DatetimeIndex,
    begin: pd.Timestamp,
    end: pd.Timestamp | None,
) -> float:
    """How much the others have changed meanwhile: the weather is common to all."""
    others = table.drop(columns=table.columns[place]).median(axis=1).set_axis(local).dropna()
    before, after = _around(others, begin, end, NEAR_DAYS)
    return float(np.nan_to_num(after - before))


def _level(usual: tuple[float, float], after: float, ratio: float, unit: str) -> tuple[Kind, str]:
    """The kind of a change and its words; `usual` is the median before it, and what it would be by now."""
    before, expected = usual
    size = f"a median of {after:,.4g} {unit}".rstrip() + f", {before:,.4g} before"
    if other := other_scale(expected, after, unit) or other_unit(ratio):
        return "unit", f"{size}, as with {other}"
    return "level", size


def _exactly(rest: pd.Series, day: pd.Timestamp) -> pd.Timestamp:
    """The hour near the begin of this day that divides the days around it best."""
    span, near = pd.Timedelta(days=NEAR_DAYS), pd.Timedelta(days=2)
    some = rest[(rest.index >= day - span) & (rest.index < day + span)]
    before, after = some[some.index < day - near], some[some.index >= day + near]
    if before.empty or after.empty:
        return day
    costs = (some - before.median()).abs().cumsum().shift(fill_value=0.0)
    costs += (some - after.median()).abs()[::-1].cumsum()[::-1]
    found: Any = costs.idxmin()
    return pd.Timestamp(found)


def _shares(
    counts: pd.DataFrame, rows: pd.DataFrame, zone: str, said: str
) -> Iterator[tuple[int, pd.Timestamp, pd.Timestamp | None, str, float]]:
    """The changes of the share of rows that are counted, by day."""
    day = pd.DatetimeIndex(rows.index).tz_convert(zone).normalize()
    part, whole = counts.groupby(day).sum(), rows.groupby(day).sum()
    for place in range(rows.shape[1]):
        total = whole.iloc[:, place]
        total = total[total > 0]
        share = part.iloc[:, place].reindex(total.index) / total
        for jump in jumps_of_share(share.to_numpy(dtype="float64"), LEAST_SHARE):
            begin = share.index[jump.begin]
            end = share.index[jump.end] if jump.end is not None else None
            before, after = _around(share, begin, end)
            if _is_chance(before, after, total, begin):
                continue
            yield place, begin, end, f"{after:.0%} {said}, {before:.0%} before", jump.size


def _is_chance(before: float, after: float, total: pd.Series, begin: pd.Timestamp) -> bool:
    """Whether so few rows differ as much by chance: less than five deviations of a binomial share."""
    rows = float(total[total.index >= begin].head(AROUND).sum())
    middle = (before + after) / 2
    return bool(abs(after - before) < 5 * (max(middle * (1 - middle), 1e-9) / max(rows, 1)) ** 0.5)

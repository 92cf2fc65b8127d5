"""Blocks of days in which the times of a series are hours off.

A series is compared with the others at the same hours, and with its own profile over the day (the median of
the days at each hour, apart for weekends). It lives by the clock of its zone or by UTC; the one that fits its
profile better is taken, so a change of the clocks is no shift. Each end of a block inside of the series must
be abrupt: a profile that shifts slowly, such as that of daylight, is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = 24
SHIFTS = [*range(-DAY // 2 + 1, 0), *range(1, DAY // 2 + 1)]
FULL = 18  # hours that a day must have
SPARSE = 10  # times the full days: a longer span is not filled with hours
DAYS = 28  # that a series must have
NEAR = 7  # days before and after the end of a block
LEAST_DAYS = 5  # of a block: three days of a warm front have another profile too
WEEKEND = 5
CLEAR = 0.7  # of the error without a shift: what the shift may leave
LIKE = 1.5  # times the error outside of a block: what the shift may leave in it
STRONG = 0.3  # share of the variance within days that the profile, or the others, must explain
OTHERS = 6  # series that are most like this one
TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation


@dataclass(frozen=True, slots=True)
class Shift:
    """From `begin` until before `end` (None: to the last) the times are `hours` later than before."""

    begin: pd.Timestamp
    end: pd.Timestamp | None
    hours: int


def shifts(table: pd.DataFrame, zone: str) -> dict[int, list[Shift]]:
    """The shifted blocks of each series, by the place of its column; the index are hours in UTC."""
    sizes = pd.Series(1, table.index).groupby(pd.DatetimeIndex(table.index).floor("D")).sum()
    full = sizes.index[sizes >= FULL]
    if len(full) < DAYS or (full.max() - full.min()).days > SPARSE * len(full):
        return {}
    hours = pd.date_range(full.min(), full.max() + pd.Timedelta(hours=DAY - 1), freq="h")
    values = table.reindex(hours).to_numpy(dtype="float64")
    found: dict[int, list[Shift]] = {}
    for place in range(table.shape[1]):
        own = _chosen(list(hours[::DAY]), _by_others(values, place))
        own += [one for one in _of_profile(table.iloc[:, place], zone) if _is_free(one, own)]
        if own:
            found[place] = sorted(own, key=lambda one: one.begin)
    return found


def _is_free(one: Shift, others: Sequence[Shift]) -> bool:
    """Whether no other block has a part of this one."""
    far = pd.Timestamp.max.tz_localize("UTC")
    return all(
        (one.end or far) <= other.begin or (other.end or far) <= one.begin for other in others
    )


Errors = dict[int, np.ndarray]
"""By shift, the mean squared error of each day if its times are that many hours too late; NaN if not known."""


def _centred(hours: np.ndarray) -> np.ndarray:
    """Days by hours, each day without its mean; a day with few hours is not known."""
    days = hours.reshape(-1, DAY)
    days = np.where(np.isfinite(days).sum(axis=1, keepdims=True) >= FULL, days, np.nan)
    centred: np.ndarray = days - _mean(days, 1)[:, None]
    return centred


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean without missing values; NaN of none, without a warning."""
    count = np.isfinite(values).sum(axis=axis)
    total = np.nansum(values, axis=axis)
    found: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _median(values: np.ndarray) -> float:
    """The median without missing values; infinite of none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("inf")


def _by_others(values: np.ndarray, place: int) -> Errors | None:
    """The errors against the series that are most like this one; None if fewer than two are."""
    own = _scaled(values[:, place])
    if values.shape[1] < 3 or np.isfinite(own).any(axis=1).sum() < DAYS:
        return None
    others = [other for other in range(values.shape[1]) if other != place]
    unlike = {o: _median(_apart(own, values[:, o], 0)) for o in others}
    alike = [o for o in sorted(others, key=lambda o: unlike[o]) if unlike[o] < 2 * (1 - STRONG)]
    if len(alike) < 2:
        return None
    errors = {
        shift: _mean(np.array([_apart(own, values[:, o], shift) for o in alike[:OTHERS]]), 0)
        for shift in range(-DAY + 1, DAY + 1)
    }
    # A place at the sea warms an hour before the others every day.
    usual = min([0, *SHIFTS], key=lambda shift: _median(errors[shift]))
    return {shift: errors[shift + usual] for shift in [0, *SHIFTS]}


def _apart(own: np.ndarray, other: np.ndarray, shift: int) -> np.ndarray:
    """The mean squared difference of each day from another series, whose times are put off by `shift` hours."""
    late = np.roll(other, shift)
    late[slice(shift, None) if shift < 0 else slice(shift)] = np.nan
    return _mean(np.square(own - _scaled(late)), 1)


def _scaled(hours: np.ndarray) -> np.ndarray:
    """The centred days in their usual deviation; not known for a series that never varies."""
    days = _centred(hours)
    usual = _median(np.sqrt(_mean(np.square(days), 1)))
    return days / usual if 0 < usual < float("inf") else np.full_like(days, np.nan)


def _chosen(days: Sequence[pd.Timestamp], errors: Errors | None) -> list[Shift]:
    """The blocks in which the series is like the others with a shift as it is outside without one."""
    if errors is None:
        return []
    known = np.isfinite(np.mean(list(errors.values()), axis=0))
    first = [one for one, is_known in zip(days, known, strict=True) if is_known]
    errors = {shift: some[known] for shift, some in errors.items()}
    found: list[Shift] = []
    free = np.ones(len(first), dtype=bool)
    for begin, end, near in _blocks(errors):
        within = np.zeros(len(first), dtype=bool)
        within[begin:end] = True
        shift = min(errors, key=lambda k: abs(k - near) > 2 or errors[k][within].mean())
        late, right = errors[shift], errors[0]
        is_clear = late[within].mean() < CLEAR * right[within].mean()
        is_usual = (~within).sum() >= NEAR and late[within].mean() < LIKE * right[~within].mean()
        if shift and free[within].all() and is_clear and is_usual:
            free[within] = False
            found.append(_shift(first, begin, end, shift))
    return found


def _shift(first: Sequence[pd.Timestamp], begin: int, end: int, hours: int) -> Shift:
    """The block as a change from what was before: one that begins with the series is what was before."""
    if begin == 0 and end < len(first):
        return Shift(first[end], None, -hours)
    return Shift(first[begin], first[end] if end < len(first) else None, hours)


def _blocks(errors: Errors) -> list[tuple[int, int, int]]:
    """Begin, end and shift of the days that each shift explains best, if clearly; the clearest first."""
    found = []
    for shift in SHIFTS:
        gains = errors[0] - errors[shift]
        usual = float(np.median(gains))  # as much as the shift costs where there is none
        noise = float(np.median(np.abs(gains - usual))) * TO_SIGMA
        if usual >= 0:
            continue
        begin, end, total = _best_run(gains)
        if end - begin >= LEAST_DAYS and total > max(
            LEAST_DAYS * 0.5 * -usual, 10 * noise**2 / -usual
        ):
            found.append((total, begin, end, shift))
    return [(begin, end, shift) for _, begin, end, shift in sorted(found, reverse=True)]


def _best_run(gains: np.ndarray) -> tuple[int, int, float]:
    """Begin, end and sum of the run with the largest sum. Source: Bentley, Programming Pearls (1984)."""
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    lowest = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - lowest))
    begin = int(np.argmin(sums[: end + 1]))
    return begin, end, float(sums[end] - sums[begin])


def _of_profile(series: pd.Series, zone: str) -> Iterator[Shift]:
    """The blocks of a series that has a clear profile over the day, by it alone."""
    known = [one for clock in ("UTC", zone) if (one := _profile(series, clock)) is not None]
    if not known:
        return
    first, values, errors = min(known, key=lambda one: float(np.mean(one[2][0])))
    spread = float(np.nanmean(np.square(values)))
    if float(np.median(errors[0])) > (1 - STRONG) * spread:
        return
    free = np.ones(len(first), dtype=bool)
    for begin, end, shift in _blocks(errors):
        fits = float(errors[shift][begin:end].mean()) < (1 - STRONG) * spread
        if fits and free[begin:end].all() and _is_abrupt(values, begin, end, shift):
            free[begin:end] = False
            yield _shift(first, begin, end, shift)


def _profile(series: pd.Series, clock: str) -> tuple[list[pd.Timestamp], np.ndarray, Errors] | None:
    """The days by this clock, their values without the mean of the day, and the errors against the profile."""
    local = pd.DatetimeIndex(series.index).tz_convert(clock)
    table = pd.DataFrame({"day": local.normalize(), "hour": local.hour, "value": series.to_numpy()})
    wide = table.pivot_table(index="day", columns="hour", values="value").reindex(
        columns=range(DAY)
    )
    wide = wide[wide.notna().sum(axis=1) >= FULL]
    if len(wide) < DAYS:
        return None
    values = wide.to_numpy(dtype="float64")
    values = _shaped(values - _mean(values, 1)[:, None])
    is_weekend = np.asarray(pd.DatetimeIndex(wide.index).day_of_week >= WEEKEND)
    profile = np.empty_like(values)
    for kind in (is_weekend, ~is_weekend):
        if kind.any():
            middle = pd.DataFrame(values[kind]).median()
            profile[kind] = middle.fillna(0.0).to_numpy()
    errors = {
        shift: _mean(np.square(values - np.roll(profile, shift, axis=1)), 1)
        for shift in [0, *SHIFTS]
    }
    return list(wide.index), values, errors


def _shaped(values: np.ndarray) -> np.ndarray:
    """Days in their own deviation: of another unit, a day has the same shape."""
    deviation = np.sqrt(_mean(np.square(values), 1))
    usual = _median(deviation)
    found: np.ndarray = values / np.maximum(deviation, usual / 4)[:, None] if usual else values
    return found


def _is_abrupt(values: np.ndarray, begin: int, end: int, shift: int) -> bool:
    """Whether the days just outside of each end have the profile of those just inside, shifted."""
    inside, edges = min(NEAR, end - begin), []
    if begin >= LEAST_DAYS:
        edges.append((slice(max(0, begin - NEAR), begin), slice(begin, begin + inside)))
    if len(values) - end >= LEAST_DAYS:
        edges.append((slice(end, end + NEAR), slice(end - inside, end)))
    for outside, within in edges:
        usual, late = (np.nan_to_num(_mean(values[some], 0)) for some in (outside, within))
        errors = {k: float(np.mean(np.square(late - np.roll(usual, k)))) for k in [0, *SHIFTS]}
        best = min(errors, key=lambda k: errors[k])
        if abs(best - shift) > 1 or errors[shift] > CLEAR * errors[0]:
            return False
    return bool(edges)

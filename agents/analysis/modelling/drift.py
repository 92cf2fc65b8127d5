"""Drift: whether the features still have the distribution of the training data, also in each group.

The population stability index (PSI) is the distance of two distributions, whatever the number of rows.
The Kolmogorov-Smirnov test, corrected for the number of features, says whether the distance is
significant: of the rows and, as those of one day are alike, of the days. An alarm needs all: with many rows
every difference is significant, with few rows every PSI is large. Rows are compared with those of the same
season and of the same days of the week, as far as the training has them.
Sources: Yurdakul, Statistical Properties of Population Stability Index (2018); Benjamini and
Hochberg, Controlling the False Discovery Rate (1995).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

from agents.analysis.modelling.features import CALENDAR
from agents.analysis.modelling.models import Drift
from agents.analysis.steady.jumps import best_cut

BINS = 10
MAX_CATEGORIES = 20
PICTURED = 3  # drifts of which the report has a picture
FLOOR = 1e-4
MOST_GROUPS, ROWS_OF_GROUP = 30, 200
NEARLY_A_YEAR, SEASON = pd.Timedelta(days=300), 15  # days before and after that are the same season
LEAST_ROWS = 500  # of the same season
DAYS_OF_WEEK, LEAST_DAYS = 7, 4


@dataclass(frozen=True, slots=True)
class Rows:
    """Features, and if they are known the times of the rows and the group of each; empty where there is none."""

    features: pd.DataFrame
    time: pd.Series | None = None
    group: pd.Series | None = None

    def of(self, chosen: np.ndarray) -> "Rows":
        """These rows."""
        time = self.time[chosen] if self.time is not None else None
        group = self.group[chosen] if self.group is not None else None
        return Rows(self.features[chosen], time, group)


def drift_of(reference: Rows, now: Rows) -> list[Drift]:
    """The drift of each feature of the reference, the largest first, and of each group in which it is an alarm.

    The calendar does not drift: another period has other months, and a short one not all weekdays alike.
    """
    reference = alike(reference, now)
    names = [
        str(name)
        for name in reference.features
        if name not in CALENDAR and not _is_calendar(reference, str(name))
    ]
    compared = [
        (name, group, some, other, *_compared(some, other, name))
        for group, some, other in _by_group(reference, now)
        for name in names
    ]
    if not compared:
        return []
    corrected = false_discovery_control([one[-1] for one in compared])
    drifts = []
    for (name, group, some, other, psi, _), p in zip(compared, corrected, strict=True):
        found = Drift(feature=name, psi=round(psi, 6), p=float(p), group=group)
        if found.is_alarm:
            found = found.model_copy(update={"since": _since(some, other, name)})
        if found.is_alarm or not group:
            drifts.append((found, some, other))
    drifts.sort(key=lambda one: (-one[0].psi, one[0].feature, one[0].group))
    return [
        found.model_copy(update=_shares(some, other, found.feature)) if number < PICTURED else found
        for number, (found, some, other) in enumerate(drifts)
    ]


def has_same_season(reference: Rows, now: Rows) -> bool:
    """Whether the reference is long enough to have rows of the season of now, and has them."""
    return _in_season(reference, now) is not None


def alike(reference: Rows, now: Rows) -> Rows:
    """The rows of the reference of the same season, with the days of the week in the same proportion."""
    if reference.time is None or now.time is None or not len(now.time):
        return reference
    if (season := _in_season(reference, now)) is not None:
        reference = reference.of(season)
    assert reference.time is not None
    before, after = (_weekdays(one.time) for one in (reference, now) if one.time is not None)
    wanted = np.bincount(after, minlength=DAYS_OF_WEEK) / len(after)
    given = np.bincount(before, minlength=DAYS_OF_WEEK)
    if not np.all(given[wanted > 0]) or wanted.max() == 1:
        return reference
    # As many rows as all days of the week allow in this proportion, evenly spread.
    most = np.min(given[wanted > 0] / wanted[wanted > 0])
    chosen = np.zeros(len(before), dtype=bool)
    for day in range(DAYS_OF_WEEK):
        places = np.flatnonzero(before == day)
        count = round(most * wanted[day])
        chosen[places[np.linspace(0, len(places) - 1, count).astype(int)] if count else []] = True
    return reference.of(chosen)


def _in_season(reference: Rows, now: Rows) -> np.ndarray | None:
    if reference.time is None or now.time is None or not len(now.time) or not len(reference.time):
        return None
    if reference.time.max() - reference.time.min() < NEARLY_A_YEAR:
        return None
    first, last = now.time.min(), now.time.max()
    days = np.arange(first.day_of_year - SEASON, first.day_of_year + (last - first).days + SEASON)
    found = np.asarray(reference.time.dt.day_of_year.isin(set((days % 366).tolist())))
    return found if found.sum() >= LEAST_ROWS else None


def _weekdays(time: pd.Series) -> np.ndarray:
    return np.asarray(time.dt.day_of_week)


def _is_calendar(reference: Rows, name: str) -> bool:
    """Whether a column only says which day of the week or hour it is, under a name of its own."""
    values = reference.features[name]
    if reference.time is None or values.nunique() < 2:
        return False
    days = reference.time.dt.floor("D").nunique()
    if days <= DAYS_OF_WEEK:  # each day of the week has one value of everything that is daily
        return False
    for key in (reference.time.dt.day_of_week, reference.time.dt.hour):
        groups = values.groupby(key.to_numpy())
        known = key.nunique() >= DAYS_OF_WEEK and groups.size().min() > 1
        if known and groups.nunique().max() == 1:
            return True
    return False


def _by_group(reference: Rows, now: Rows) -> Iterator[tuple[str, Rows, Rows]]:
    """All rows, and those of each large group."""
    yield "", reference, now
    if reference.group is None or now.group is None:
        return
    sizes = pd.concat([reference.group.value_counts(), now.group.value_counts()], axis=1).min(
        axis=1, skipna=False
    )
    sizes = sizes[sizes >= ROWS_OF_GROUP].nlargest(MOST_GROUPS)
    for group in sorted(map(str, sizes.index)) if len(sizes) > 1 else ():
        yield (
            group,
            reference.of(np.asarray(reference.group == group)),
            now.of(np.asarray(now.group == group)),
        )


def _compared(reference: Rows, now: Rows, name: str) -> tuple[float, float]:
    """The PSI of a feature, and how likely it is by chance: by rows and by days."""
    before, after = reference.features[name], now.features[name]
    psi, p = _of_rows(before, after)
    days = [_by_day(rows, name, reference) for rows in (reference, now)]
    if days[0] is not None and days[1] is not None and len(days[0]) and len(days[1]):
        p = max(p, float(ks_2samp(days[0], days[1]).pvalue))
    return psi, p


def _of_rows(reference: pd.Series, now: pd.Series) -> tuple[float, float]:
    if not pd.api.types.is_numeric_dtype(reference):
        before, after = _category_counts(reference, now)
        return _psi(before, after), _p_of_counts(before, after)
    edges = _edges(reference)
    before, after = _bin_counts(reference, edges), _bin_counts(now, edges)
    first, second = reference.dropna(), now.dropna()
    p = 1.0
    if len(first) and len(second):
        p = float(ks_2samp(first, second, method="asymp").pvalue)
    return _psi(before, after), min(p, _p_of_counts(before[-2:], after[-2:]))


def _by_day(rows: Rows, name: str, reference: Rows) -> pd.Series | None:
    """One number for each day: the mean, or the share of what was most frequent or missing."""
    if rows.time is None:
        return None
    values = rows.features[name]
    day = rows.time.dt.floor("D").to_numpy()
    if pd.api.types.is_numeric_dtype(values):
        means = values.groupby(day).mean().dropna()
        lacking = values.isna().groupby(day).mean()
        is_lacking = lacking.mean() > 0.5 or reference.features[name].isna().mean() > 0.5
        return lacking if is_lacking else means
    usual = reference.features[name].mode()
    return (values == (usual.iloc[0] if len(usual) else "")).fillna(False).groupby(day).mean()


def _since(reference: Rows, now: Rows, name: str) -> str:
    """The day from which on a feature is another one; empty where times are not known."""
    days = [_by_day(rows, name, reference) for rows in (reference, now)]
    if days[0] is None or days[1] is None:
        return ""
    whole = pd.concat([days[0], days[1]]).sort_index()
    if len(whole) < LEAST_DAYS:
        return ""
    return str(pd.Timestamp(whole.index[best_cut(whole.to_numpy(dtype="float64"))]).date())


def _shares(reference: Rows, now: Rows, name: str) -> dict[str, object]:
    """The bins of a feature in words, and the shares of the rows in them."""
    first, second = reference.features[name], now.features[name]
    if pd.api.types.is_numeric_dtype(first):
        edges = _edges(first)
        before, after = _bin_counts(first, edges), _bin_counts(second, edges)
        words = [f"{edge:,.4g}" for edge in edges]
        bins = [f"under {words[0]}", *(f"{word} on" for word in words)] if words else ["all"]
        bins.append("missing")
    else:
        before, after = _category_counts(first, second)
        bins = [*map(str, first.value_counts().index[:MAX_CATEGORIES]), "others"]
    shown = [place for place in range(len(bins)) if before[place] + after[place]]
    p, q = (some / max(some.sum(), 1) for some in (before, after))
    return {
        "bins": tuple(bins[place] for place in shown),
        "before": tuple(round(float(p[place]), 4) for place in shown),
        "after": tuple(round(float(q[place]), 4) for place in shown),
    }


def _edges(reference: pd.Series) -> np.ndarray:
    """The borders of bins with as many values each."""
    inner = reference.quantile(np.linspace(0, 1, BINS + 1)[1:-1])
    return np.unique(inner.dropna().to_numpy())


def _bin_counts(values: pd.Series, edges: np.ndarray) -> np.ndarray:
    """The number of values in each bin; missing values have their own bin."""
    present = values.dropna().to_numpy()
    counts = np.bincount(np.searchsorted(edges, present, side="right"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(present))


def _category_counts(reference: pd.Series, now: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    categories = reference.value_counts().index[:MAX_CATEGORIES]
    counted = [some.where(some.isin(categories), "").value_counts() for some in (reference, now)]
    names = [*categories, ""]
    before, after = (np.array([int(c.get(name, 0)) for name in names]) for c in counted)
    return before, after


def _psi(before: np.ndarray, after: np.ndarray) -> float:
    if not before.sum() or not after.sum():
        return 0.0
    p, q = (np.maximum(some / some.sum(), FLOOR) for some in (before, after))
    return float(((q - p) * np.log(q / p)).sum())


def _p_of_counts(before: np.ndarray, after: np.ndarray) -> float:
    table = np.array([before, after])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    return float(chi2_contingency(table).pvalue)

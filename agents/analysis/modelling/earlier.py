"""Earlier outcomes of a series as features; each was known at the time of its row."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from agents.analysis.modelling.declared import Features

HOUR = pd.Timedelta(hours=1)


def earlier(
    rows: pd.DataFrame, time: str, target: str, declared: Features
) -> Iterator[tuple[str, pd.Series]]:
    """Name and values of each declared feature; NA where no outcome was known."""
    for lag in declared.lags:
        yield f"{target}_{lag:g}h_ago", _ago(rows, time, target, declared, lag)
    if declared.means:
        groups: Iterable[Any] = [np.arange(len(rows))]
        if by := list(declared.by):
            groups = rows.groupby(by, observed=True, dropna=False, sort=False).indices.values()
        for span in declared.means:
            found = np.full(len(rows), np.nan)
            for group in groups:
                some = rows.iloc[group]
                found[group] = _means(some[time], some[target], span, declared.known_after)
            yield f"{target}_mean_{span:g}h", pd.Series(found, index=rows.index)


def _ago(rows: pd.DataFrame, time: str, target: str, declared: Features, lag: float) -> pd.Series:
    by = list(declared.by)
    known = rows[[*by, time]].assign(outcome=rows[target].astype("float64")).dropna()
    known = known.groupby([*by, time], observed=True)["outcome"].mean().reset_index()
    known[time] = known[time] + lag * HOUR
    found = rows[[*by, time]].merge(known, on=[*by, time], how="left")["outcome"]
    return pd.Series(found.to_numpy(), index=rows.index)


def _means(time: pd.Series, outcome: pd.Series, span: float, known_after: float) -> np.ndarray:
    """The mean of the outcomes that became known within the span, of rows ordered by time."""
    at = time.to_numpy(dtype="datetime64[us]").astype("int64")
    values = outcome.astype("float64").to_numpy()
    present = ~np.isnan(values)
    times, sums = at[present], np.concatenate([[0.0], np.cumsum(values[present])])
    delay, width = (int(hours * 3_600_000_000) for hours in (known_after, span))
    # Without a delay the outcome of the row's own time is not known yet.
    last = np.searchsorted(times, at - delay, side="right" if delay else "left")
    first = np.searchsorted(times, at - delay - width, side="left")
    count = last - first
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, (sums[last] - sums[first]) / count, np.nan)

"""Errors of forecasts with confidence intervals, by a block bootstrap over days.

The rows of one day are alike, so whole days are resampled. Source: Kuensch, The Jackknife and the
Bootstrap for General Stationary Observations (1989).
"""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from agents.runtime.model_registry import Interval

DRAWS = 1_000
FEW_DRAWS = 200  # of what is sorted in each
LEVEL = 0.95


def interval(errors: np.ndarray, time: pd.Series, seed: int) -> Interval:
    """The mean of the errors, one for each row, with its interval over days."""
    days = time.dt.floor("D")
    sums = (
        pd.DataFrame({"day": days.to_numpy(), "error": errors})
        .groupby("day")["error"]
        .agg(["sum", "count"])
    )
    total, count = sums["sum"].to_numpy(), sums["count"].to_numpy()
    drawn = np.random.default_rng(seed).integers(0, len(sums), (DRAWS, len(sums)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value=float(errors.mean()), low=float(low), high=float(high))


def accuracy(
    truth: np.ndarray, predicted: np.ndarray, time: pd.Series, seed: int
) -> tuple[Interval, Interval]:
    """The root of the mean squared error, and R2: the share of the outcome's variance that is explained."""
    day = time.dt.floor("D").to_numpy()
    columns = {"day": day, "n": 1.0, "y": truth, "yy": truth**2, "e": (truth - predicted) ** 2}
    days = pd.DataFrame(columns).groupby("day").sum().to_numpy()
    drawn = np.random.default_rng(seed).integers(0, len(days), (DRAWS, len(days)))
    return tuple(  # type: ignore[return-value]  # of two
        Interval(
            value=float(of(days.sum(axis=0)[None])[0]),
            low=float(np.quantile(values, (1 - LEVEL) / 2)),
            high=float(np.quantile(values, (1 + LEVEL) / 2)),
        )
        for of in (_rmse, _r2)
        for values in [of(days[drawn].sum(axis=1))]
    )


def auc(truth: np.ndarray, predicted: np.ndarray, time: pd.Series, seed: int) -> Interval:
    """How often a true row has a higher probability than a false one; a half if there is only one kind."""
    days = time.dt.floor("D").to_numpy()
    _, place = np.unique(days, return_inverse=True)
    rows = [np.flatnonzero(place == day) for day in range(place.max() + 1)]
    rng = np.random.default_rng(seed)
    drawn = [
        np.concatenate([rows[day] for day in rng.integers(0, len(rows), len(rows))])
        for _ in range(FEW_DRAWS)
    ]
    found = [_auc(truth[some], predicted[some]) for some in drawn]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value=_auc(truth, predicted), low=float(low), high=float(high))


def _auc(truth: np.ndarray, predicted: np.ndarray) -> float:
    is_true = truth > 0.5
    return float(roc_auc_score(is_true, predicted)) if 0 < is_true.sum() < len(truth) else 0.5


def _rmse(sums: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.sqrt(sums[:, 3] / sums[:, 0])
    return found


def _r2(sums: np.ndarray) -> np.ndarray:
    """Zero where the outcome does not vary: then nothing is to be explained."""
    spread = sums[:, 2] - sums[:, 1] ** 2 / sums[:, 0]
    is_varied = spread > 1e-12 * sums[:, 2]
    return np.where(is_varied, 1 - sums[:, 3] / np.where(is_varied, spread, 1.0), 0.0)


def absolute(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The absolute error of each row."""
    errors: np.ndarray = np.abs(truth - predicted)
    return errors


def squared(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The squared error of each row."""
    errors: np.ndarray = np.square(truth - predicted)
    return errors

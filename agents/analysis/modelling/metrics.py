"""Errors of forecasts with confidence intervals, by a block bootstrap over days.

The rows of one day are alike, so whole days are resampled. Source: Kuensch, The Jackknife and the
Bootstrap for General Stationary Observations (1989).
"""

import numpy as np
import pandas as pd

from agents.runtime.model_registry import Interval

DRAWS = 1_000
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


def absolute(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The absolute error of each row."""
    errors: np.ndarray = np.abs(truth - predicted)
    return errors


def squared(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The squared error of each row."""
    errors: np.ndarray = np.square(truth - predicted)
    return errors

"""Drift: whether the features still have the distribution of the training data.

The population stability index (PSI) is the distance of two distributions, whatever the number of rows.
The Kolmogorov-Smirnov test, corrected for the number of features, says whether the distance is
significant. An alarm needs both: with many rows every difference is significant, with few rows every
PSI is large.
Sources: Yurdakul, Statistical Properties of Population Stability Index (2018); Benjamini and
Hochberg, Controlling the False Discovery Rate (1995).
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

from agents.analysis.modelling.features import CALENDAR
from agents.analysis.modelling.models import Drift

BINS = 10
MAX_CATEGORIES = 20
FLOOR = 1e-4


def drift_of(reference: pd.DataFrame, now: pd.DataFrame) -> list[Drift]:
    """The drift of each feature of the reference, the largest first.

    The calendar does not drift: another period has other months, and a short one not all weekdays alike.
    """
    names = [name for name in reference if name not in CALENDAR]
    found = [(str(name), *_compared(reference[name], now[name])) for name in names]
    if not found:
        return []
    corrected = false_discovery_control([p for _, _, p in found])
    drifts = [
        Drift(feature=name, psi=round(psi, 6), p=float(p))
        for (name, psi, _), p in zip(found, corrected, strict=True)
    ]
    return sorted(drifts, key=lambda drift: (-drift.psi, drift.feature))


def _compared(reference: pd.Series, now: pd.Series) -> tuple[float, float]:
    if not pd.api.types.is_numeric_dtype(reference):
        before, after = _category_counts(reference, now)
        return _psi(before, after), _p_of_counts(before, after)
    edges = np.unique(reference.quantile(np.linspace(0, 1, BINS + 1)[1:-1]).dropna().to_numpy())
    before, after = _bin_counts(reference, edges), _bin_counts(now, edges)
    first, second = reference.dropna(), now.dropna()
    p = 1.0
    if len(first) and len(second):
        p = float(ks_2samp(first, second, method="asymp").pvalue)
    return _psi(before, after), min(p, _p_of_counts(before[-2:], after[-2:]))


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

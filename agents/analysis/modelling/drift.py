"""Whether what a model sees is still what it has learnt from.

PSI says how far apart two distributions are, and is steady with few or many rows; the Kolmogorov-
Smirnov test, corrected for as many tests as there are features, says whether that is chance. An alarm
needs both: with many rows every difference is significant, with few every PSI is large.
Sources: Yurdakul, Statistical Properties of Population Stability Index (2018); Benjamini and
Hochberg, Controlling the False Discovery Rate (1995).
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

from agents.analysis.modelling.models import Drift

BINS = 10
MOST_WORDS = 20
FLOOR = 1e-4


def drifts(reference: pd.DataFrame, now: pd.DataFrame) -> list[Drift]:
    """Each feature of the reference against the same one now, the farthest first."""
    found = [(str(name), *_compared(reference[name], now[name])) for name in reference]
    if not found:
        return []
    corrected = false_discovery_control([p for _, _, p in found])
    told = [
        Drift(feature=name, psi=round(psi, 6), p=float(p))
        for (name, psi, _), p in zip(found, corrected, strict=True)
    ]
    return sorted(told, key=lambda drift: (-drift.psi, drift.feature))


def _compared(reference: pd.Series, now: pd.Series) -> tuple[float, float]:
    if not pd.api.types.is_numeric_dtype(reference):
        before, after = _word_counts(reference, now)
        return _psi(before, after), _p_of_counts(before, after)
    edges = np.unique(reference.quantile(np.linspace(0, 1, BINS + 1)[1:-1]).dropna().to_numpy())
    before, after = _bin_counts(reference, edges), _bin_counts(now, edges)
    there, here = reference.dropna(), now.dropna()
    p = float(ks_2samp(there, here, method="asymp").pvalue) if len(there) and len(here) else 1.0
    return _psi(before, after), min(p, _p_of_counts(before[-2:], after[-2:]))


def _bin_counts(values: pd.Series, edges: np.ndarray) -> np.ndarray:
    """How many values lie in each bin; what is missing has one of its own."""
    there = values.dropna().to_numpy()
    counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(there))


def _word_counts(reference: pd.Series, now: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    words = reference.value_counts().index[:MOST_WORDS]
    counted = [some.where(some.isin(words), "").value_counts() for some in (reference, now)]
    names = [*words, ""]
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

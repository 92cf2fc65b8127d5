"""Measures of classification, retrieval and calibration, and the confidence interval of a measure."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

BINS = 10
DRAWS = 1_000
SEED = 7


def macro_f1(right: Sequence[str], predicted: Sequence[str]) -> float:
    """The mean over all classes of the harmonic mean of precision and recall."""
    return float(f1_score(right, predicted, average="macro", zero_division=0))


def calibration_error(confidence: Sequence[float], correct: Sequence[bool]) -> float:
    """The expected calibration error over ten bins (Guo et al., 2017)."""
    sure, right = np.array(confidence), np.array(correct, dtype=float)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = (
        abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in set(bins.tolist())
    )
    return float(sum(gaps))


def recall_at(
    ranked: Sequence[Sequence[str]], wanted: Sequence[frozenset[str]], k: int
) -> list[float]:
    """For each question the share of the wanted results that is among its first `k` results."""
    return [
        len(set(found[:k]) & want) / min(k, len(want))
        for found, want in zip(ranked, wanted, strict=True)
    ]


def reciprocal_ranks(
    ranked: Sequence[Sequence[str]], wanted: Sequence[frozenset[str]]
) -> list[float]:
    """For each question 1 / rank of the first wanted result, 0 if there is none."""
    return [
        next((1 / n for n, one in enumerate(found, 1) if one in want), 0.0)
        for found, want in zip(ranked, wanted, strict=True)
    ]


def precision_recall(predicted: Sequence[bool], right: Sequence[bool]) -> tuple[float, float]:
    """Precision and recall of a yes-or-no prediction."""
    both = sum(a and b for a, b in zip(predicted, right, strict=True))
    return both / (sum(predicted) or 1), both / (sum(right) or 1)


def interval(figure: Callable[[NDArray[np.intp]], float], count: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a figure over `count` cases (Efron, 1979): 1,000 draws, one seed."""
    draw = np.random.default_rng(SEED)
    figures = [figure(draw.integers(0, count, count)) for _ in range(DRAWS)]
    low, high = np.quantile(figures, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)


def percentile(values: Sequence[float], share: float) -> float:
    """The quantile of the values at that share, from 0 to 1."""
    found: Any = np.quantile(np.array(values), share)
    return float(found)

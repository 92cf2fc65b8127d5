"""Figures of how well something is told apart, found or known, and how sure the figure itself is."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

BINS = 10
DRAWS = 1_000
SEED = 7


def macro_f1(right: Sequence[str], told: Sequence[str]) -> float:
    """The mean over all classes of the harmonic mean of precision and recall."""
    return float(f1_score(right, told, average="macro", zero_division=0))


def calibration_error(confidence: Sequence[float], correct: Sequence[bool]) -> float:
    """How far confidence and being right lie apart, over ten bins (Guo et al., 2017)."""
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
    """For each question the share of what is wanted among its first `k`, of what can stand there."""
    return [
        len(set(found[:k]) & want) / min(k, len(want))
        for found, want in zip(ranked, wanted, strict=True)
    ]


def reciprocal_ranks(
    ranked: Sequence[Sequence[str]], wanted: Sequence[frozenset[str]]
) -> list[float]:
    """For each question 1 by the place of the first that is wanted, 0 if there is none."""
    return [
        next((1 / n for n, one in enumerate(found, 1) if one in want), 0.0)
        for found, want in zip(ranked, wanted, strict=True)
    ]


def precision_recall(told: Sequence[bool], right: Sequence[bool]) -> tuple[float, float]:
    """Of those told the share that is right, and of those that are right the share told."""
    both = sum(a and b for a, b in zip(told, right, strict=True))
    return both / (sum(told) or 1), both / (sum(right) or 1)


def interval(figure: Callable[[NDArray[np.intp]], float], count: int) -> tuple[float, float]:
    """95 % bootstrap interval of a figure over `count` cases (Efron, 1979): 1,000 draws, one seed."""
    draw = np.random.default_rng(SEED)
    told = [figure(draw.integers(0, count, count)) for _ in range(DRAWS)]
    low, high = np.quantile(told, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of all lies."""
    found: Any = np.quantile(np.array(values), share)
    return float(found)

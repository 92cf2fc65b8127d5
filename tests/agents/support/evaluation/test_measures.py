"""The figures are those of their definitions."""

import numpy as np
import pytest

from agents.support.evaluation.measures import (
    calibration_error,
    interval,
    macro_f1,
    percentile,
    precision_recall,
    recall_at,
    reciprocal_ranks,
)

WANTED = [frozenset("a"), frozenset("bc"), frozenset("z")]
RANKED = [["x", "a"], ["b", "x", "c"], ["x"]]


def test_ranks() -> None:
    assert recall_at(RANKED, WANTED, 2) == [1.0, 0.5, 0.0]
    assert recall_at(RANKED, WANTED, 1) == [0.0, 1.0, 0.0]
    assert reciprocal_ranks(RANKED, WANTED) == [0.5, 1.0, 0.0]


def test_classes() -> None:
    assert macro_f1(["a", "a", "b"], ["a", "a", "b"]) == 1
    assert macro_f1(["a", "b"], ["a", "a"]) == pytest.approx((2 / 3 + 0) / 2)
    assert precision_recall([True, True, False], [True, False, True]) == (0.5, 0.5)
    assert precision_recall([False], [False]) == (0, 0)


def test_confidence() -> None:
    assert calibration_error([0.95, 0.95], [True, True]) == pytest.approx(0.05)
    assert calibration_error([0.95] * 2, [True, False]) == pytest.approx(0.45)


def test_an_interval_holds_the_figure_and_is_the_same_each_time() -> None:
    cases = np.array([1.0] * 70 + [0.0] * 30)
    low, high = interval(lambda draw: float(cases[draw].mean()), len(cases))
    assert low < 0.7 < high
    assert high - low < 0.25
    assert (low, high) == interval(lambda draw: float(cases[draw].mean()), len(cases))
    assert percentile([1, 2, 3], 0.5) == 2

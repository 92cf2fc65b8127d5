"""Intervals cover the truth as often as stated, also when the rows of a day are alike."""

import numpy as np
import pandas as pd
import pytest

from agents.analysis.modelling.metrics import absolute, accuracy, interval, squared

DAYS, A_DAY = 60, 20


def test_errors() -> None:
    truth, predicted = np.array([1.0, 2.0]), np.array([2.0, 0.0])
    assert absolute(truth, predicted).tolist() == [1, 2]
    assert squared(truth, predicted).tolist() == [1, 4]


@pytest.mark.slow
def test_the_interval_covers_the_mean_where_days_share_their_weather() -> None:
    rng = np.random.default_rng(1)
    time = pd.Series(pd.date_range("2025-01-01", periods=DAYS, freq="D", tz="UTC").repeat(A_DAY))
    covered = 0
    for trial in range(200):
        errors = np.repeat(rng.normal(5, 2, DAYS), A_DAY) + rng.normal(0, 1, DAYS * A_DAY)
        found = interval(errors, time, seed=trial)
        covered += found.low <= 5 <= found.high
    assert 0.88 < covered / 200 < 0.99


def test_the_same_seed_gives_the_same_interval() -> None:
    time = pd.Series(pd.date_range("2025-01-01", periods=100, freq="h", tz="UTC"))
    errors = np.arange(100.0)
    assert interval(errors, time, 3) == interval(errors, time, 3) != interval(errors, time, 4)
    assert str(interval(np.ones(100), time, 3)) == "1.000 [1.000, 1.000]"


def test_the_share_that_is_explained_and_the_error_in_the_unit_of_the_outcome() -> None:
    rng = np.random.default_rng(2)
    time = pd.Series(pd.date_range("2025-01-01", periods=2_400, freq="h", tz="UTC"))
    truth = rng.normal(100, 3, len(time))
    predicted = truth + rng.normal(0, 1, len(time))
    rmse, r2 = accuracy(truth, predicted, time, 7)
    assert rmse.low < rmse.value < rmse.high
    assert rmse.value == pytest.approx(np.sqrt(np.mean((truth - predicted) ** 2)))
    assert r2.low < r2.value < r2.high
    assert r2.value == pytest.approx(1 - np.mean((truth - predicted) ** 2) / truth.var())
    constant = np.full(len(time), 5.0)
    assert accuracy(constant, constant + 1, time, 7)[1].value == 0

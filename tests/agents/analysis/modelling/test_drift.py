"""Drift alarms are rare on unchanged data and frequent on shifted data."""

import numpy as np
import pandas as pd
import pytest

from agents.analysis.modelling.drift import drift_of
from agents.analysis.modelling.models import ALARM_PSI

TRIALS, FEATURES, ROWS = 60, 12, 1_500


def frame(rng: np.random.Generator, shift: float = 0.0, words: float = 0.5) -> pd.DataFrame:
    columns: dict[str, object] = {f"n{n}": rng.gamma(2, 2, ROWS) for n in range(FEATURES - 1)}
    columns["n0"] = rng.normal(0, 1, ROWS) + shift
    columns["w"] = rng.choice(["x", "y"], ROWS, p=[words, 1 - words])
    return pd.DataFrame(columns)


def alarms(shift: float = 0.0, words: float = 0.5) -> float:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(TRIALS):
        found = drift_of(frame(rng), frame(rng, shift, words))
        hits += any(drift.is_alarm for drift in found)
    return hits / TRIALS


@pytest.mark.campaign
def test_false_alarms_are_rare_and_planted_shifts_are_found() -> None:
    assert alarms() == 0
    assert alarms(shift=0.7) == 1
    assert alarms(words=0.8) == 1


def test_the_shifted_feature_comes_first() -> None:
    rng = np.random.default_rng(2)
    found = drift_of(frame(rng), frame(rng, shift=1.0))
    assert found[0].feature == "n0"
    assert found[0].psi > ALARM_PSI
    assert [drift.feature for drift in found if drift.is_alarm] == ["n0"]


def test_values_that_are_missing_now_are_drift() -> None:
    rng = np.random.default_rng(3)
    now = frame(rng)
    now.loc[rng.random(ROWS) < 0.4, "n1"] = np.nan
    assert [d.feature for d in drift_of(frame(rng), now) if d.is_alarm] == ["n1"]


def test_nothing_to_compare_is_no_alarm() -> None:
    empty = pd.DataFrame({"n": pd.Series(dtype="float64"), "w": pd.Series(dtype="string")})
    assert not any(drift.is_alarm for drift in drift_of(empty, empty))
    assert drift_of(pd.DataFrame(), pd.DataFrame()) == []

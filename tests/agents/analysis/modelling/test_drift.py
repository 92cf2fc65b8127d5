"""Drift alarms are rare on unchanged data and frequent on shifted data."""

import numpy as np
import pandas as pd
import pytest

from agents.analysis.modelling.drift import Rows, drift_of, has_same_season
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
        found = drift_of(Rows(frame(rng)), Rows(frame(rng, shift, words)))
        hits += any(drift.is_alarm for drift in found)
    return hits / TRIALS


@pytest.mark.campaign
def test_false_alarms_are_rare_and_planted_shifts_are_found() -> None:
    assert alarms() == 0
    assert alarms(shift=0.7) == 1
    assert alarms(words=0.8) == 1


def test_the_shifted_feature_comes_first() -> None:
    rng = np.random.default_rng(2)
    found = drift_of(Rows(frame(rng)), Rows(frame(rng, shift=1.0)))
    assert found[0].feature == "n0"
    assert found[0].psi > ALARM_PSI
    assert [drift.feature for drift in found if drift.is_alarm] == ["n0"]


def test_values_that_are_missing_now_are_drift() -> None:
    rng = np.random.default_rng(3)
    now = frame(rng)
    now.loc[rng.random(ROWS) < 0.4, "n1"] = np.nan
    assert [d.feature for d in drift_of(Rows(frame(rng)), Rows(now)) if d.is_alarm] == ["n1"]


def test_nothing_to_compare_is_no_alarm() -> None:
    empty = pd.DataFrame({"n": pd.Series(dtype="float64"), "w": pd.Series(dtype="string")})
    assert not any(drift.is_alarm for drift in drift_of(Rows(empty), Rows(empty)))
    assert drift_of(Rows(pd.DataFrame()), Rows(pd.DataFrame())) == []


def weeks(first: str, days: int, seed: int = 1) -> Rows:
    """Three sites by the hour: staff by the day of the week, a temperature by the season, a name for weekends."""
    rng = np.random.default_rng(seed)
    time = pd.Series(np.tile(pd.date_range(first, periods=24 * days, freq="h", tz="UTC"), 3))
    group = pd.Series(np.repeat(["site a", "site b", "site c"], 24 * days))
    is_weekend = time.dt.day_of_week >= 5
    season = 12 * np.sin(2 * np.pi * (time.dt.day_of_year - 110) / 365)
    columns = {
        "staff": np.where(is_weekend, 3, 9) + rng.normal(0, 1, len(time)),
        "temp": season + rng.normal(0, 4, len(time)),
        "kind_of_day": time.dt.day_of_week.map(lambda day: "free" if day >= 5 else "work"),
        "price": rng.gamma(2, 2, len(time)),
    }
    return Rows(pd.DataFrame(columns), time, group)


def test_a_new_study_of_three_weeks_has_no_drift() -> None:
    known, now = weeks("2025-01-01", 16), weeks("2025-01-17", 5, 2)
    assert [str(one) for one in drift_of(known, now) if one.is_alarm] == []
    assert not has_same_season(known, now)


def test_a_year_is_compared_with_its_own_season() -> None:
    known, now = weeks("2024-01-01", 420), weeks("2025-07-01", 40, 2)
    assert has_same_season(known, now)
    assert [str(one) for one in drift_of(known, now) if one.is_alarm] == []
    half = weeks("2024-11-01", 90)  # which has no summer
    assert [one.feature for one in drift_of(half, now) if one.is_alarm and not one.group] == [
        "temp"
    ]


def test_the_group_that_drifts_is_named_with_its_begin() -> None:
    known, now = weeks("2025-01-01", 60), weeks("2025-03-02", 40, 2)
    assert now.time is not None
    assert now.group is not None
    here = (now.group == "site b") & (now.time >= "2025-03-10")
    now.features.loc[here, "price"] *= 3
    (found,) = [one for one in drift_of(known, now) if one.group and one.feature == "price"]
    assert str(found).startswith("price of site b since 2025-03-10: PSI")

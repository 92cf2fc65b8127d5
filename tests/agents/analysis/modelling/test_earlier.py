"""Earlier outcomes are features as far as they were known, and nothing of the future is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from agents.analysis.modelling.candidates import fit, for_sklearn
from agents.analysis.modelling.declared import Features
from agents.analysis.modelling.features import Samples, TooFewRows, known_before, samples, split
from agents.analysis.modelling.suspicion import suspicion
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.hourly import demand, study
from tests.agents.analysis.modelling.toy import published


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()


def made(frame: pd.DataFrame, **features: object) -> Samples:
    own = study(**features)
    dataset = published(own, [frame])
    return samples(own, {"load": dataset.files("load")})


def test_hour_and_weekday_are_those_of_the_zone() -> None:
    found = made(demand(3))
    assert list(found.features) == ["site", "guess", "weekday", "hour"]
    assert found.features["hour"].iloc[0] == 19  # midnight in UTC
    assert found.features["weekday"].iloc[0] == 1  # of a Wednesday in UTC


def test_dates_have_no_hour_and_two_years_have_months() -> None:
    days = pd.date_range("2022-01-01", periods=800, tz="America/New_York").tz_convert("UTC")
    frame = pd.DataFrame({"at": days.as_unit("us"), "site": "a", "guess": 1.0, "load": 2.0})
    assert list(made(frame).features) == ["site", "guess", "weekday", "month"]


def test_lags_and_means_are_of_the_same_series() -> None:
    frame = demand(3)
    features = {"by": ["site"], "lags": [24], "means": [3], "known_after": 2}
    found = made(frame, **features)
    own = found.features[found.features["site"] == "b"].reset_index(drop=True)
    load = frame.loc[frame["site"] == "b", "load"].reset_index(drop=True)
    assert own["load_24h_ago"].isna().sum() == 24
    assert own["load_24h_ago"][30] == load[6]
    # Two hours before 30 the outcomes of 25 to 28 became known within three hours.
    assert own["load_mean_3h"][30] == pytest.approx(load[25:29].mean())
    assert own["load_mean_3h"].isna().sum() == 2


def test_without_a_delay_the_mean_leaves_out_the_own_row_and_those_of_its_time() -> None:
    frame = demand(2)
    before = made(frame, means=[5]).features["load_mean_5h"]
    now = frame["at"] == frame["at"][20]
    frame.loc[now, "load"] = 1e6
    found = made(frame, means=[5])
    unchanged = (found.time <= frame["at"][20]) | (found.time > frame["at"][25])
    pd.testing.assert_series_equal(found.features["load_mean_5h"][unchanged], before[unchanged])
    assert (found.features["load_mean_5h"][~unchanged] > 1e4).all()


def test_the_future_does_not_change_the_past() -> None:
    frame, declared = demand(4), {"by": ["site"], "lags": [1, 24], "means": [6], "known_after": 1}
    now = pd.Timestamp("2025-01-03T12:00:00Z")
    before = made(frame, **declared).between(None, now)
    frame.loc[frame["at"] >= now, "load"] = -1e6
    pd.testing.assert_frame_equal(
        made(frame, **declared).between(None, now).features, before.features
    )


def test_a_lag_that_is_not_known_yet_is_refused() -> None:
    with pytest.raises(ValidationError, match="1 hours ago the outcome is not known yet"):
        Features(lags=(24, 1), known_after=2)


@pytest.mark.parametrize("name", ["linear", "trees"])
def test_the_hour_of_the_day_explains_what_it_can(name: str) -> None:
    parts = split(made(demand()), 0.25)
    model = fit(name, parts.train.features, parts.train.outcome, 7)
    errors = parts.test.outcome.to_numpy() - model.predict(for_sklearn(parts.test.features))
    assert 1 - np.mean(errors**2) / parts.test.outcome.var() > 0.95


def test_a_column_that_was_written_with_the_outcome_is_suspected() -> None:
    frame = demand()
    parts = split(made(frame), 0.25)
    columns = known_before(study().sources[0].contract)
    assert suspicion(parts.train, parts.validation, columns) == ""
    frame["guess"] = frame["load"] * 1.2 + 3
    parts = split(made(frame), 0.25)
    assert "'guess' alone explains" in suspicion(parts.train, parts.validation, columns)


@pytest.mark.parametrize(
    "days,lacks", [(3, "at least 4 days are needed"), (5, "about 500 rows altogether")]
)
def test_too_small_a_series_is_told_what_it_lacks(days: int, lacks: str) -> None:
    with pytest.raises(TooFewRows, match=lacks):
        split(made(demand(days)), 0.25)

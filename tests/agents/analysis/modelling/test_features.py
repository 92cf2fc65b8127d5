"""Features use only what was known before the outcome: changing the future does not change them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agents.analysis.modelling.features import Samples, _read, samples
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.toy import published, sales, study


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()


def made(frames: tuple[pd.DataFrame, pd.DataFrame]) -> Samples:
    dataset = published(study(), frames)
    return samples(study(), {name: dataset.files(name) for name in ("sales", "sun")})


def test_features_are_what_the_study_names() -> None:
    features = made(sales()).features
    assert list(features) == ["shop", "price", "sun_light", "recent", "weekday", "hour"]
    assert features["sun_light"].isna().sum() == 2  # the first hour has no hour before it


def test_the_hour_before_is_joined_and_outcomes_that_were_known() -> None:
    frames = sales(days=2)
    found = made(frames)
    row = found.features[found.features["shop"] == "a"].iloc[10]
    theirs = frames[1][frames[1]["shop"] == "a"].iloc[9]
    assert row["sun_light"] == theirs["light"]
    # Known an hour and five minutes after their hour, so rounded up: two hours later, and one more.
    known = frames[0][frames[0]["shop"] == "a"]["sold"].iloc[[7, 8]]
    assert row["recent"] == pytest.approx(known.mean())


def test_long_keys_stay_different_beside_missing_ones(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(pa.table({"n": [2**53, 2**53 + 1, None]}), path)
    rows = _read([path, path], ["n"])
    assert len(rows.drop_duplicates()) == 3
    assert rows["n"].astype("float64").notna().sum() == 4


def test_the_future_does_not_change_the_past() -> None:
    frames = sales(days=4)
    now = pd.Timestamp("2025-01-03T00:00:00Z")
    before = made(frames).between(None, now)
    for frame, columns in zip(frames, (["sold", "price"], ["light"]), strict=True):
        frame.loc[frame["at"] >= now, columns] = 1e6
    after = made(frames).between(None, now)
    pd.testing.assert_frame_equal(before.features, after.features)


def test_an_outcome_is_not_a_feature_of_its_own_row() -> None:
    frames = sales(days=4)
    before = made(frames)
    frames[0].loc[50, "sold"] = np.nan
    after = made(frames)
    assert len(after.outcome) == len(before.outcome) - 1
    frames[0].loc[50, "sold"] = 1e6
    changed = made(frames).features
    own = (before.time == frames[0]["at"][50]) & (before.features["shop"] == "a")
    assert (changed[own].fillna(-1) == before.features[own].fillna(-1)).all(axis=None)


def test_the_order_of_rows_in_the_source_does_not_matter() -> None:
    frames = sales(days=3)
    before = made(frames)
    shuffled = frames[0].sample(frac=1, random_state=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(made((shuffled, frames[1])).features, before.features)


def test_holidays_are_those_of_the_place() -> None:
    body = study().model_dump(mode="json")
    body["sources"][0]["contract"]["holidays"] = "DE-BY"
    known = type(study()).model_validate(body)
    dataset = published(known, sales(days=8))
    found = samples(known, {name: dataset.files(name) for name in ("sales", "sun")})
    free = found.time[found.features["holiday"] == 1].dt.date.astype(str)
    assert sorted(set(free)) == ["2025-01-01", "2025-01-06"]  # Epiphany is a day off in Bavaria
    body["sources"][0]["contract"]["holidays"] = "DE-XX"
    with pytest.raises(ValueError, match="'DE-XX' is none, such as DE, DE-BY or US"):
        type(study()).model_validate(body)

"""Training, validation and test follow each other in time and share no day."""

import pandas as pd
import pytest

from agents.analysis.modelling.features import Samples, TooFewRows, complete, split


def rows(days: int, a_day: int = 24) -> Samples:
    time = pd.Series(
        pd.date_range("2025-01-01", periods=days * a_day, freq=f"{24 // a_day}h", tz="UTC")
    )
    return Samples(
        pd.DataFrame({"n": range(len(time))}),
        pd.Series(0.0, time.index),
        time,
        pd.Series("", time.index),
    )


def test_three_periods_without_a_common_day() -> None:
    parts = split(rows(100), 0.25)
    three = (parts.train, parts.validation, parts.test)
    ends = [(part.time.min(), part.time.max()) for part in three]
    assert ends[0][1].date() < ends[1][0].date()
    assert ends[1][1].date() < ends[2][0].date()
    total = sum(len(part.outcome) for part in three)
    assert total == 2_400
    assert 0.24 < len(parts.test.outcome) / total < 0.27


def test_too_few_rows_are_an_error() -> None:
    with pytest.raises(TooFewRows, match="at least 100"):
        split(rows(8), 0.25)


def test_a_last_day_that_is_not_complete_is_left_out() -> None:
    whole = rows(30)
    cut = whole.of(whole.time < "2025-01-30T05:00Z")
    kept, left_out = complete(cut, "UTC")
    assert (len(kept.outcome), left_out) == (29 * 24, 5)
    assert complete(kept, "UTC")[1] == 0
    assert complete(rows(30, a_day=1), "UTC")[1] == 0


def test_a_day_of_the_week_that_is_always_short_is_complete() -> None:
    whole = rows(33)
    is_sunday = whole.time.dt.day_of_week == 6
    some = whole.of(~is_sunday | (whole.time.dt.hour < 5))
    assert some.time.max().day_of_week == 6
    assert complete(some, "UTC")[1] == 0

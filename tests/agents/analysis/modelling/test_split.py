"""Training, validation and test follow each other in time and share no day."""

import pandas as pd
import pytest

from agents.analysis.modelling.features import Samples, TooFewRows, split


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

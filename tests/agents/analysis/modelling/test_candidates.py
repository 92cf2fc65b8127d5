"""Candidates tell true from false where the target is a boolean, and say why they cannot."""

import numpy as np
import pandas as pd
import pytest

from agents.analysis.modelling.candidates import (
    NAMES,
    OneOutcome,
    fit,
    parameters_of,
    predict,
    task_of,
)
from agents.analysis.modelling.metrics import auc


def rows(count: int = 1_000) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(1)
    load = pd.Series(rng.normal(0, 1, count))
    features = pd.DataFrame({"load": load, "weekday": np.arange(count) // 24 % 7.0})
    return features, (load + rng.normal(0, 0.5, count) > 1).astype("float64").rename("late")


@pytest.mark.slow
def test_each_candidate_gives_probabilities() -> None:
    features, late = rows()
    time = pd.Series(pd.date_range("2025-01-01", periods=len(late), freq="h", tz="UTC"))
    found = {}
    for name in NAMES:
        model = fit(name, features, late, 1, task_of("boolean"))
        given = predict(model, features)
        assert ((given >= 0) & (given <= 1)).all()
        assert abs(given.mean() - late.mean()) < 0.02
        found[name] = auc(late.to_numpy(), given, time, 1)
    assert found["baseline"].value < 0.65
    assert found["linear"].low > 0.9
    assert found["trees"].low > 0.9


def test_a_number_is_no_class() -> None:
    features, _ = rows()
    model = fit("linear", features, 5 + 3 * features["load"], 1, task_of("number"))
    assert np.allclose(predict(model, features), 5 + 3 * features["load"], atol=0.2)
    assert parameters_of(model) == {"alpha": "10.0"}


def test_a_target_that_never_differs_is_refused_in_words() -> None:
    features, late = rows()
    with pytest.raises(OneOutcome, match="'late' is false in all rows"):
        fit("trees", features, 0 * late, 1, task_of("boolean"))

"""A forecast has the times that come of each series, and a band as wide as the errors of the test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.analysis.contract import Contract
from agents.analysis.modelling.ahead import ahead
from agents.analysis.modelling.candidates import fit, predict
from agents.analysis.modelling.features import samples
from agents.analysis.study import Source, Study
from tests.agents.analysis.modelling.hourly import demand


def contract(**more: object) -> Contract:
    columns = {
        "at": {"type": "time", "zone": "America/New_York"},
        "site": {"type": "text", "known_before": True},
        "load": {"type": "number", "unit": "MW"},
    }
    features = {"by": ["site"], "lags": [24, 168]}
    body = {"name": "load", "time": "at", "columns": columns, "features": features}
    gaps = {"every": 3600, "by": ["site"]}
    return Contract.model_validate(body | {"gaps": gaps, "forecast_hours": 24} | more)


def test_the_day_that_comes_is_forecast_by_what_is_known(tmp_path: Path) -> None:
    whole = demand(days=91)
    until = whole["at"].min() + pd.Timedelta(days=90)
    now, later = whole[whole["at"] < until], whole[whole["at"] >= until]
    now[["at", "site", "load"]].to_parquet(tmp_path / "a.parquet")
    source = Source(contract=contract(), locations=("a.csv",))
    study = Study(name="load", sources=(source,), target="load")
    files = {"load": [tmp_path / "a.parquet"]}
    known = samples(study, files)
    model = fit("linear", known.features, known.outcome, 1)
    predictions = {"truth": known.outcome, "predicted": predict(model, known.features)}
    found = ahead(study, files, model, pd.DataFrame(predictions))
    assert list(found["group"].value_counts()) == [24, 24]
    both = found.assign(site=found["group"].str[-1]).merge(
        later, left_on=["time", "site"], right_on=["at", "site"]
    )
    assert len(both) == 48
    inside = (both["load"] > both["low"]) & (both["load"] < both["high"])
    assert inside.mean() > 0.75
    assert np.sqrt(((both["load"] - both["forecast"]) ** 2).mean()) < 2.5  # the noise alone is 1


@pytest.mark.parametrize(
    "more,reason",
    [
        ({"forecast_hours": 48}, "the outcome 24 hours ago is not known 48 hours ahead"),
        ({"gaps": None}, "gaps must say how often there is a row"),
        ({"features": {"by": ["site"], "means": [24]}}, "the means need a known_after"),
        ({"gaps": {"every": 3600}, "features": {}}, "'site' is not known of times that come"),
    ],
)
def test_what_is_not_known_that_far_ahead_is_refused(more: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        contract(**more)

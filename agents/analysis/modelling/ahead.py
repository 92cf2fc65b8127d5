"""The forecast of what comes after the last row, with a band that most outcomes of the test were in.

Only features are used that are known that far ahead, so the figures of the test hold for it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from agents.analysis.modelling.candidates import predict
from agents.analysis.modelling.features import coming
from agents.analysis.study import Study

BAND = (0.05, 0.95)  # quantiles of truth minus forecast


def ahead(
    study: Study, files: Mapping[str, Sequence[Path]], model: Any, predictions: pd.DataFrame
) -> pd.DataFrame:
    """The time, group, forecast, low and high of each row that comes.

    `predictions` are those of the model on the test rows, with the truth.
    """
    rows = coming(study, files)
    forecast = predict(model, rows.features)
    low, high = (predictions["truth"] - predictions["predicted"]).quantile(list(BAND))
    return pd.DataFrame(
        {
            "time": rows.time,
            "group": rows.group,
            "forecast": forecast,
            "low": forecast + low,
            "high": forecast + high,
        }
    )

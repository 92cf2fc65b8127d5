"""Demand by the hour of two sites: what the hour, the day and the outcomes before it tell."""

import numpy as np
import pandas as pd

from agents.analysis.contract import Contract
from agents.analysis.study import Source, Study


def study(**features: object) -> Study:
    columns = {
        "at": {"type": "time", "zone": "America/New_York"},
        "site": {"type": "text", "known_before": True},
        "guess": {"type": "number", "known_before": True},
        "load": {"type": "number", "unit": "MW"},
    }
    contract = {"name": "load", "time": "at", "columns": columns, "features": features}
    source = Source(contract=Contract.model_validate(contract), locations=("x.csv",))
    return Study(name="hourly", sources=(source,), target="load")


def demand(days: int = 120, noise: float = 1.0, seed: int = 1) -> pd.DataFrame:
    """The load has two peaks of the local day, another level at weekends, and a slow walk of its own."""
    rng = np.random.default_rng(seed)
    at = pd.date_range("2025-01-01", periods=24 * days, freq="h", tz="UTC").as_unit("us")
    local = at.tz_convert("America/New_York")
    frames = []
    for site, level in (("a", 50.0), ("b", 80.0)):
        load = level + 10 * np.sin(local.hour / 12 * np.pi) + 6 * np.cos(local.hour / 6 * np.pi)
        load = load - 8 * (local.day_of_week >= 5) + rng.normal(0, noise, len(at))
        guess = load + rng.normal(0, 50, len(at))
        frames.append(pd.DataFrame({"at": at, "site": site, "guess": guess, "load": load}))
    return pd.concat(frames, ignore_index=True)

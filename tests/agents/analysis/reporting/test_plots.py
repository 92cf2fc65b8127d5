"""Plots are PNGs with the same bytes for the same data, and edge cases give no warning."""

import base64
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.analysis.modelling.models import Drift
from agents.analysis.report import SourceReport
from agents.analysis.reporting import plots

pytestmark = pytest.mark.slow


def source(rules: dict[str, int]) -> SourceReport:
    return SourceReport(
        source="x", partitions=1, refused=0, rows=9, good=9, quarantined=0, deduplicated=0,
        rules=rules, discarded={}, gaps=0,
    )  # fmt: skip


TIME = pd.Series(pd.date_range("2025-01-01", periods=480, freq="h", tz="UTC"))
PREDICTIONS = pd.DataFrame(
    {"time": TIME, "truth": np.sin(TIME.index), "predicted": 0.5, "baseline": 0.0}
)
PICTURES: dict[str, Callable[[], Callable[[Any], None]]] = {
    "rules": lambda: plots.broken_rules([source({"n: type": 3, "m" * 200: 1})]),
    "no rules": lambda: plots.broken_rules([source({})]),
    "many rules": lambda: plots.broken_rules([source({f"c{n}: type": n + 1 for n in range(99)})]),
    "coverage": lambda: plots.coverage({"x": TIME.drop(index=range(100, 200))}),
    "distribution": lambda: plots.distribution("n", pd.Series(np.arange(100.0)), ""),
    "constant": lambda: plots.distribution("n", pd.Series(np.ones(100)), "pieces"),
    "forecast": lambda: plots.forecast(PREDICTIONS),
    "residuals": lambda: plots.residuals(PREDICTIONS),
    "calibration": lambda: plots.calibration(PREDICTIONS),
    "importance": lambda: plots.importance({"a": 1.0, "b": -0.5}),
    "no importance": lambda: plots.importance({}),
    "drift": lambda: plots.drift([Drift(feature="a", psi=0.5, p=0.0)]),
    "no drift": lambda: plots.drift([]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_data_gives_the_same_png(name: str) -> None:
    with warnings.catch_warnings(action="error"):
        first, again = plots.image(PICTURES[name]()), plots.image(PICTURES[name]())
    assert first == again
    assert base64.b64decode(first.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")

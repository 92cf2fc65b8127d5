"""Plots are PNGs with the same bytes for the same data, and edge cases give no warning."""

import base64
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

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
    "many rules": lambda: plots.broken_rules([source({f"c{n}: type": n + 1 for n in range(99)})]),
    "runs": lambda: plots.over_runs({"good": [3, 0, 5], "quarantined": [0, 0, 1]}),
    "coverage": lambda: plots.coverage({"x": TIME.drop(index=range(100, 200))}),
    "distribution": lambda: plots.distribution("n", pd.Series(np.arange(100.0)), ""),
    "constant": lambda: plots.distribution("n", pd.Series(np.ones(100)), "pieces"),
    "coverage of working days": lambda: plots.coverage(
        {"x": pd.Series(pd.bdate_range("2025-01-01", periods=200, tz="UTC"))}
    ),
    "coverage of months and of one row": lambda: plots.coverage(
        {
            "x": pd.Series(pd.date_range("2015-01-01", periods=90, freq="MS", tz="UTC")),
            "y": TIME[:1],
        }
    ),
    "constant forecasts": lambda: plots.calibration(PREDICTIONS.assign(predicted=1.0)),
    "one day": lambda: plots.forecast(PREDICTIONS[:20], "load", "MW"),
    "forecast": lambda: plots.forecast(PREDICTIONS),
    "residuals": lambda: plots.residuals(PREDICTIONS),
    "calibration": lambda: plots.calibration(PREDICTIONS),
    "importance": lambda: plots.importance({"a": 1.0, "b": -0.5}),
    "training and now": lambda: plots.reference(
        Drift(
            feature="a",
            psi=1,
            p=0,
            group="site b",
            bins=("x", "others"),
            before=(1, 0),
            after=(0.5, 0.5),
        ),
        "MW",
    ),
    "drift": lambda: plots.drift([Drift(feature="a", psi=0.5, p=0.0)]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_data_gives_the_same_png(name: str) -> None:
    with warnings.catch_warnings(action="error"):
        first, again = plots.image(PICTURES[name]()), plots.image(PICTURES[name]())
    assert first == again
    assert base64.b64decode(first.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")


def drawn(name: str) -> Any:
    figure = Figure()
    axes = figure.subplots()
    PICTURES[name]()(axes)
    return axes


def test_days_without_rows_by_nature_are_no_gaps() -> None:
    (line,) = drawn("coverage of working days").lines
    assert set(np.ravel(line.get_ydata())) == {1.0}


def test_equal_forecasts_are_one_point_of_the_calibration() -> None:
    _, points = drawn("constant forecasts").lines
    assert np.size(points.get_xdata()) == 1


def test_a_last_day_that_is_not_complete_is_left_out() -> None:
    cut = PREDICTIONS[: 15 * 24 + 5]
    figure = Figure()
    axes = figure.subplots()
    plots.forecast(cut, "load", "MW")(axes)
    assert np.size(axes.lines[0].get_xdata()) == 15
    assert axes.get_ylabel() == "load, MW"

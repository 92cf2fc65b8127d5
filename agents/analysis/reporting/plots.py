"""The plots of the report; the same data gives the same PNG bytes."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from agents.analysis.modelling.models import ALARM_PSI, Drift
from agents.analysis.report import SourceReport

INK, TRUTH, MODEL, BASELINE, BAD = "#1f2933", "#1f2933", "#0b6e99", "#c2883c", "#b3352f"
STYLE: Any = {
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.color": "#e4e7eb",
    "xtick.color": INK,
    "ytick.color": INK,
}
MAX_BARS = 15
MAX_NAME = 40
SIZE = (9.0, 3.6)  # inches
SHOWN = (0.5, 99.5)  # percentiles at the ends of a distribution


def image(draw: Callable[[Any], None]) -> str:
    """The plot that `draw` puts on the axes, as a data URL."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, dpi=110, layout="constrained")
        draw(figure.subplots())
        sink = io.BytesIO()
        figure.savefig(sink, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode()


def broken_rules(sources: Sequence[SourceReport]) -> Callable[[Any], None]:
    """The number of rows or values that break a rule, by source and rule."""
    rules = [
        (_short(f"{source.source}: {rule}"), count)
        for source in sources
        for rule, count in (source.rules | source.discarded).items()
    ]
    rules = sorted(rules, key=lambda one: (-one[1], one[0]))[:MAX_BARS][::-1]

    def draw(axes: Any) -> None:
        if not rules:
            axes.set_axis_off()
            axes.set_title("No broken rules")
            return
        axes.barh([name for name, _ in rules], [count for _, count in rules], color=BAD)
        axes.set_xlabel("rows, or single values")
        axes.bar_label(axes.containers[0], padding=3)
        axes.set_title("Broken rules")

    return draw


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def coverage(times: Mapping[str, pd.Series]) -> Callable[[Any], None]:
    """Rows per day of each source, relative to its median day: a drop is a gap."""

    def draw(axes: Any) -> None:
        for (name, time), color in zip(times.items(), (MODEL, BASELINE, INK) * 9, strict=False):
            days = time.dt.floor("D").value_counts().sort_index()
            days = days.reindex(pd.date_range(days.index.min(), days.index.max()), fill_value=0)
            axes.plot(days.index, days / days.median(), label=name, color=color, linewidth=1)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="lower left")
        axes.set_title("Rows per day, relative to the median day")

    return draw


def distribution(name: str, values: pd.Series, unit: str) -> Callable[[Any], None]:
    """A histogram with the median; values beyond SHOWN count at the ends."""
    low, high = np.percentile(values, SHOWN)

    def draw(axes: Any) -> None:
        axes.hist(values.clip(low, high), bins=80, color=MODEL)
        axes.axvline(values.median(), color=BAD, linewidth=1.2)
        axes.set_xlabel(unit or name)
        axes.set_title(f"{name}: median {values.median():,.1f}, mean {values.mean():,.1f}")

    return draw


def forecast(predictions: pd.DataFrame) -> Callable[[Any], None]:
    """Daily means of truth, model and baseline, with the quartiles of the truth."""
    by_day = predictions.groupby(predictions["time"].dt.floor("D"))
    means, quartiles = by_day[["truth", "predicted", "baseline"]].mean(), by_day["truth"]

    def draw(axes: Any) -> None:
        low, high = quartiles.quantile(0.25), quartiles.quantile(0.75)
        axes.fill_between(means.index, low, high, color="#e4e7eb", label="quartiles of the truth")
        for name, color in (("truth", TRUTH), ("predicted", MODEL), ("baseline", BASELINE)):
            axes.plot(means.index, means[name], color=color, linewidth=1.4, label=name)
        axes.legend(frameon=False, ncols=4, loc="upper left")
        axes.set_title("Forecast and truth, daily means of the test")

    return draw


def residuals(predictions: pd.DataFrame) -> Callable[[Any], None]:
    """A histogram of truth minus forecast."""
    errors = predictions["truth"] - predictions["predicted"]
    low, high = np.percentile(errors, SHOWN)

    def draw(axes: Any) -> None:
        axes.hist(errors.clip(low, high), bins=80, color=BASELINE)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel("truth minus forecast")
        axes.set_title(f"Residuals: mean {errors.mean():,.2f}, median {errors.median():,.2f}")

    return draw


def calibration(predictions: pd.DataFrame) -> Callable[[Any], None]:
    """Mean truth against mean forecast, in 20 equal groups of forecasts."""
    bins = pd.qcut(predictions["predicted"].rank(method="first"), 20, labels=False)
    means = predictions.groupby(bins)[["predicted", "truth"]].mean()

    def draw(axes: Any) -> None:
        ends = [means.min().min(), means.max().max()]
        axes.plot(ends, ends, color="#9aa5b1", linewidth=1)
        axes.plot(means["predicted"], means["truth"], "o-", color=MODEL)
        axes.set_xlabel("mean forecast of the group")
        axes.set_ylabel("mean truth")
        axes.set_title("Calibration")

    return draw


def importance(by_feature: Mapping[str, float]) -> Callable[[Any], None]:
    """How much the squared error grows when a feature is shuffled."""
    top = sorted(by_feature.items(), key=lambda one: -one[1])[:MAX_BARS][::-1]

    def draw(axes: Any) -> None:
        axes.barh([_short(name) for name, _ in top], [value for _, value in top], color=MODEL)
        axes.set_xlabel("increase of the squared error when shuffled")
        axes.set_title("Importance of the features")

    return draw


def drift(found: Sequence[Drift]) -> Callable[[Any], None]:
    """The drift of each feature since the training of the champion."""
    top = list(found)[:MAX_BARS][::-1]

    def draw(axes: Any) -> None:
        colors = [BAD if one.is_alarm else MODEL for one in top]
        axes.barh([_short(one.feature) for one in top], [one.psi for one in top], color=colors)
        axes.axvline(ALARM_PSI, color=BAD, linewidth=1, linestyle="--")
        axes.set_xlabel("population stability index")
        axes.set_title("Drift of the features")

    return draw

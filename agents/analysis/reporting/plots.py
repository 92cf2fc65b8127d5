"""The report's pictures, each a PNG of the same bytes for the same data."""

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

INK, TRUTH, MODEL, USUAL, BAD = "#1f2933", "#1f2933", "#0b6e99", "#c2883c", "#b3352f"
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
MOST_BARS = 15
LONGEST_NAME = 40
SIZE = (9.0, 3.6)  # inches
SHOWN = (0.5, 99.5)  # percentiles between which distributions are drawn


def drawn(draw: Callable[[Any], None]) -> str:
    """What `draw` puts on the axes, as a data URL."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, dpi=110, layout="constrained")
        draw(figure.subplots())
        sink = io.BytesIO()
        figure.savefig(sink, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(sink.getvalue()).decode()


def fates(sources: Sequence[SourceReport]) -> Callable[[Any], None]:
    """Rows that are not good, by source and rule."""
    rules = [
        (_short(f"{source.source}: {rule}"), count)
        for source in sources
        for rule, count in (source.rules | source.discarded).items()
    ]
    rules = sorted(rules, key=lambda one: (-one[1], one[0]))[:MOST_BARS][::-1]

    def draw(axes: Any) -> None:
        if not rules:
            axes.set_axis_off()
            axes.set_title("No rule was broken")
            return
        axes.barh([name for name, _ in rules], [count for _, count in rules], color=BAD)
        axes.set_xlabel("rows, or values alone")
        axes.bar_label(axes.containers[0], padding=3)
        axes.set_title("Rules that were broken")

    return draw


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def coverage(times: Mapping[str, pd.Series]) -> Callable[[Any], None]:
    """Rows a day of each source, as a share of its median day: gaps are holes."""

    def draw(axes: Any) -> None:
        for (name, time), color in zip(times.items(), (MODEL, USUAL, INK) * 9, strict=False):
            days = time.dt.floor("D").value_counts().sort_index()
            days = days.reindex(pd.date_range(days.index.min(), days.index.max()), fill_value=0)
            axes.plot(days.index, days / days.median(), label=name, color=color, linewidth=1)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="lower left")
        axes.set_title("Rows a day, as a share of the median day")

    return draw


def distribution(name: str, values: pd.Series, unit: str) -> Callable[[Any], None]:
    """A histogram between the outermost percentiles, with the median."""
    low, high = np.percentile(values, SHOWN)

    def draw(axes: Any) -> None:
        axes.hist(values.clip(low, high), bins=80, color=MODEL)
        axes.axvline(values.median(), color=BAD, linewidth=1.2)
        axes.set_xlabel(unit or name)
        axes.set_title(f"{name}: median {values.median():,.1f}, mean {values.mean():,.1f}")

    return draw


def forecast(told: pd.DataFrame) -> Callable[[Any], None]:
    """Truth, model and baseline as means of days, with the middle half of the truth."""
    by_day = told.groupby(told["time"].dt.floor("D"))
    means, quarters = by_day[["truth", "predicted", "baseline"]].mean(), by_day["truth"]

    def draw(axes: Any) -> None:
        low, high = quarters.quantile(0.25), quarters.quantile(0.75)
        axes.fill_between(means.index, low, high, color="#e4e7eb", label="middle half of the truth")
        for name, color in (("truth", TRUTH), ("predicted", MODEL), ("baseline", USUAL)):
            axes.plot(means.index, means[name], color=color, linewidth=1.4, label=name)
        axes.legend(frameon=False, ncols=4, loc="upper left")
        axes.set_title("Forecast against truth, means of days that nothing was learnt from")

    return draw


def residuals(told: pd.DataFrame) -> Callable[[Any], None]:
    """How far the forecasts are off."""
    errors = told["truth"] - told["predicted"]
    low, high = np.percentile(errors, SHOWN)

    def draw(axes: Any) -> None:
        axes.hist(errors.clip(low, high), bins=80, color=USUAL)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel("truth minus forecast")
        axes.set_title(f"Residuals: mean {errors.mean():,.2f}, median {errors.median():,.2f}")

    return draw


def calibration(told: pd.DataFrame) -> Callable[[Any], None]:
    """What happened where so much was forecast, by twentieths of the forecasts."""
    bins = pd.qcut(told["predicted"].rank(method="first"), 20, labels=False)
    means = told.groupby(bins)[["predicted", "truth"]].mean()

    def draw(axes: Any) -> None:
        ends = [means.min().min(), means.max().max()]
        axes.plot(ends, ends, color="#9aa5b1", linewidth=1)
        axes.plot(means["predicted"], means["truth"], "o-", color=MODEL)
        axes.set_xlabel("forecast, mean of a twentieth")
        axes.set_ylabel("truth")
        axes.set_title("Calibration")

    return draw


def importance(by_feature: Mapping[str, float]) -> Callable[[Any], None]:
    """By how much the squared error grows when a feature is shuffled."""
    most = sorted(by_feature.items(), key=lambda one: -one[1])[:MOST_BARS][::-1]

    def draw(axes: Any) -> None:
        axes.barh([_short(name) for name, _ in most], [value for _, value in most], color=MODEL)
        axes.set_xlabel("growth of the squared error when shuffled")
        axes.set_title("What the model looks at")

    return draw


def drift(found: Sequence[Drift]) -> Callable[[Any], None]:
    """How far each feature has moved from what the champion has learnt from."""
    most = list(found)[:MOST_BARS][::-1]

    def draw(axes: Any) -> None:
        colors = [BAD if one.is_alarm else MODEL for one in most]
        axes.barh([_short(one.feature) for one in most], [one.psi for one in most], color=colors)
        axes.axvline(ALARM_PSI, color=BAD, linewidth=1, linestyle="--")
        axes.set_xlabel("population stability index")
        axes.set_title("Drift of the features")

    return draw

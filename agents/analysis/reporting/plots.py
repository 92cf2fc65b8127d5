"""The plots of the report; the same data gives the same PNG bytes."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import dates
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
LEAST_BAR = 0.01  # of the longest one
MAX_NAME = 40
MOST_LINES = 3
SIZE = (9.0, 3.6)  # inches
FEW_POINTS, MOST_POINTS = 40, 400
HEIGHT_OF_FRAME, HEIGHT_OF_BAR = 0.9, 0.35  # inches
FEW_DAYS, ROWS_FOR_QUARTILES, ROWS_OF_GROUP = 10, 8, 20
SELDOM = 0.2  # share of the weeks with a row on that day of the week
PERIODS = ("D", "W-MON", "MS")
COMPLETE = {
    "D": 0.5,
    "W-MON": 0.9,
    "MS": 0.9,
}  # of the usual rows: with less, a period at an end is cut
PERIOD_NAMES = {"D": "day", "W-MON": "week", "MS": "month"}
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
        axes.barh([name for name, _ in rules], [count for _, count in rules], color=BAD)
        _slim(axes, len(rules))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("rows, or single values")
        axes.bar_label(axes.containers[0], padding=3)
        axes.set_title("Broken rules")

    return draw


def _slim(axes: Any, bars: int) -> None:
    """As high as this number of bars needs."""
    width, height = SIZE
    axes.figure.set_size_inches(width, min(height, HEIGHT_OF_FRAME + bars * HEIGHT_OF_BAR))


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def coverage(times: Mapping[str, pd.Series]) -> Callable[[Any], None]:
    """Rows of each source by day, week or month, relative to the usual number: a drop is a gap.

    Days of the week on which a source never has rows are no gaps. A first or last period that is not complete
    is not shown.
    """
    period = max((_period(time) for time in times.values()), key=PERIODS.index, default="D")

    def draw(axes: Any) -> None:
        for (name, time), color in zip(times.items(), (MODEL, BASELINE, INK) * 9, strict=False):
            counts = _counts(time, period)
            usual = counts[counts > 0].median()
            counts = _complete(counts, usual * COMPLETE[period])
            marker = "o" if len(counts) < FEW_POINTS else ""
            label, shown = f"{name}: {usual:,.0f} rows", counts / usual
            axes.plot(counts.index, shown, marker=marker, label=label, color=color, linewidth=1)
        axes.set_ylim(bottom=0)
        _date_axis(axes)
        axes.set_ylabel("times the usual rows")
        axes.legend(frameon=False, loc="lower left")
        axes.set_title(f"Rows by {PERIOD_NAMES[period]}, relative to the median one")

    return draw


def _date_axis(axes: Any) -> None:
    """Dates as short as they stay different."""
    untyped: Any = dates
    locator = untyped.AutoDateLocator(maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator))


def _period(time: pd.Series) -> str:
    """The shortest period in which a row is usual, and that is not drawn too often."""
    days = time.dt.floor("D").drop_duplicates().sort_values()
    if len(days) < 2:
        return "D"
    gap, span = days.diff().median().days, (days.iloc[-1] - days.iloc[0]).days
    if gap > 10 or span > MOST_POINTS * 7:
        return "MS"
    return "W-MON" if gap > 3 or span > MOST_POINTS else "D"


def _counts(time: pd.Series, period: str) -> pd.Series:
    counts = pd.Series(1, index=pd.DatetimeIndex(time)).resample(period, label="left").sum()
    if period == "D":
        weekday = counts.groupby(pd.DatetimeIndex(counts.index).day_of_week).transform(
            lambda days: (days > 0).mean()
        )
        counts = counts[weekday > SELDOM]
    return counts


def _complete(counts: pd.Series, least: float) -> pd.Series:
    """Without a first and a last period that have just begun or ended."""
    first = int(len(counts) > 2 and counts.iloc[0] < least)
    last = int(len(counts) > 2 and counts.iloc[-1] < least)
    return counts.iloc[first : len(counts) - last]


def over_runs(rows: Mapping[str, Sequence[int]]) -> Callable[[Any], None]:
    """The rows of each run by outcome."""

    def draw(axes: Any) -> None:
        bottom = np.zeros(len(next(iter(rows.values()))))
        for (name, counts), color in zip(rows.items(), (MODEL, BAD), strict=False):
            axes.bar(range(1, len(counts) + 1), counts, bottom=bottom, color=color, label=name)
            bottom = bottom + np.array(counts)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(top=1.2 * max(bottom.max(), 1))  # for the legend
        axes.legend(frameon=False, ncols=2, loc="upper left")
        axes.set_xlabel("run")
        axes.set_ylabel("rows")
        axes.set_title("Rows over runs")

    return draw


def distribution(name: str, values: pd.Series, unit: str) -> Callable[[Any], None]:
    """A histogram with the median; values beyond SHOWN count at the ends."""
    low, high = np.percentile(values, SHOWN)

    def draw(axes: Any) -> None:
        axes.hist(values.clip(low, high), bins=_bins(values), color=MODEL)
        axes.axvline(values.median(), color=BAD, linewidth=1.2)
        axes.set_xlabel(_labelled(name, unit))
        axes.set_ylabel("rows")
        middle, mean = (f"{x:,.4g} {unit}".strip() for x in (values.median(), values.mean()))
        axes.set_title(f"{name}: median {middle}, mean {mean}")

    return draw


def _labelled(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def _bins(values: pd.Series) -> int:
    """More bins for more values. Source: Rice's rule."""
    return int(np.clip(2 * np.cbrt(len(values)), 10, 80))


def forecast(predictions: pd.DataFrame, name: str = "", unit: str = "") -> Callable[[Any], None]:
    """Means of truth, model and baseline by day, or by hour for few days.

    A last day with less than half of the usual rows is left out, as its mean is of other hours.
    """
    days = predictions["time"].dt.floor("D")
    sizes = days.value_counts().sort_index()
    if len(sizes) > 2 and sizes.iloc[-1] < sizes.median() / 2:
        predictions = predictions[days < sizes.index[-1]]
    by_hour = len(sizes) < FEW_DAYS
    groups = predictions.groupby(predictions["time"].dt.floor("h" if by_hour else "D"))
    means, quartiles = groups[["truth", "predicted", "baseline"]].mean(), groups["truth"]

    def draw(axes: Any) -> None:
        is_number = predictions["truth"].nunique() > 2  # true and false have no quartiles to see
        if is_number and groups.size().median() >= ROWS_FOR_QUARTILES:
            low, high = quartiles.quantile(0.25), quartiles.quantile(0.75)
            axes.fill_between(
                means.index, low, high, color="#e4e7eb", label="quartiles of the truth"
            )
        for line, color in (("truth", TRUTH), ("predicted", MODEL), ("baseline", BASELINE)):
            axes.plot(means.index, means[line], color=color, linewidth=1.4, label=line)
        axes.set_ylim(top=axes.get_ylim()[1] + 0.15 * np.ptp(axes.get_ylim()))  # for the legend
        _date_axis(axes)
        axes.legend(frameon=False, ncols=4, loc="upper left")
        axes.set_ylabel(_labelled(name, unit))
        axes.set_title(f"Forecast and truth, means by {'hour' if by_hour else 'day'} of the test")

    return draw


def ahead(
    recent: pd.DataFrame, coming: pd.DataFrame, name: str, unit: str
) -> Callable[[Any], None]:
    """The last outcomes of some series, and their forecast with its band."""

    def draw(axes: Any) -> None:
        for group, color in zip(
            coming["group"].unique()[:MOST_LINES], (MODEL, BASELINE, BAD), strict=False
        ):
            before, after = recent[recent["group"] == group], coming[coming["group"] == group]
            axes.plot(before["time"], before["outcome"], color=color, linewidth=1)
            label = _short(f"forecast of {group}".removesuffix(" of "))
            axes.plot(after["time"], after["forecast"], color=color, linewidth=2.4, label=label)
            axes.fill_between(after["time"], after["low"], after["high"], color=color, alpha=0.2)
        axes.set_ylim(top=axes.get_ylim()[1] + 0.15 * np.ptp(axes.get_ylim()))  # for the legend
        _date_axis(axes)
        axes.legend(frameon=False, ncols=3, loc="upper left")
        axes.set_ylabel(_labelled(name, unit))
        axes.set_title("The last outcomes, and what comes")

    return draw


def residuals(predictions: pd.DataFrame, name: str = "", unit: str = "") -> Callable[[Any], None]:
    """A histogram of truth minus forecast."""
    errors = predictions["truth"] - predictions["predicted"]
    low, high = np.percentile(errors, SHOWN)

    def draw(axes: Any) -> None:
        axes.hist(errors.clip(low, high), bins=_bins(errors), color=BASELINE)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel(_labelled(f"{name}: truth minus forecast".removeprefix(": "), unit))
        axes.set_ylabel("rows")
        mean, middle = (f"{x:,.3g} {unit}".strip() for x in (errors.mean(), errors.median()))
        axes.set_title(f"Residuals: mean {mean}, median {middle}")

    return draw


def calibration(predictions: pd.DataFrame, name: str = "", unit: str = "") -> Callable[[Any], None]:
    """Mean truth against mean forecast, in at most 20 groups of forecasts; equal ones are in one group."""
    groups = int(np.clip(len(predictions) // ROWS_OF_GROUP, 1, 20))
    bins = pd.qcut(predictions["predicted"], groups, labels=False, duplicates="drop")
    means = predictions.groupby(bins.fillna(0))[["predicted", "truth"]].mean()

    def draw(axes: Any) -> None:
        ends = [means.min().min(), means.max().max()]
        axes.plot(ends, ends, color="#9aa5b1", linewidth=1)
        axes.plot(means["predicted"], means["truth"], "o", color=MODEL)
        axes.set_xlabel(_labelled(f"{name}: mean forecast of the group".removeprefix(": "), unit))
        axes.set_ylabel(_labelled("mean truth", unit))
        axes.set_title("Calibration")

    return draw


def important(by_feature: Mapping[str, float]) -> list[tuple[str, float]]:
    """The features with a bar that can be seen, the most important first; at least one."""
    top = sorted(by_feature.items(), key=lambda one: -one[1])[:MAX_BARS]
    return [one for one in top if one[1] >= LEAST_BAR * top[0][1]] or top[:1]


def importance(by_feature: Mapping[str, float], unit: str = "") -> Callable[[Any], None]:
    """How much the squared error grows when a feature is shuffled."""
    top = important(by_feature)[::-1]

    def draw(axes: Any) -> None:
        axes.barh([_short(name) for name, _ in top], [value for _, value in top], color=MODEL)
        _slim(axes, len(top))
        squared = f", ({unit})²" if unit else ""
        axes.set_xlabel(f"increase of the squared error when shuffled{squared}")
        axes.set_title("Importance of the features")

    return draw


def reference(one: Drift, unit: str = "") -> Callable[[Any], None]:
    """The shares of the rows in the bins of a feature: of the training, and now."""

    def draw(axes: Any) -> None:
        places = np.arange(len(one.bins))
        axes.bar(places - 0.2, [100 * x for x in one.before], 0.4, color=BASELINE, label="training")
        axes.bar(places + 0.2, [100 * x for x in one.after], 0.4, color=MODEL, label="now")
        axes.set_xticks(places, [_short(name) for name in one.bins], rotation=30, ha="right")
        axes.set_ylim(top=1.2 * max(*one.before, *one.after, 0.01) * 100)  # for the legend
        axes.legend(frameon=False, ncols=2, loc="upper left")
        axes.set_xlabel(_labelled(one.feature, unit))
        axes.set_ylabel("rows, %")
        of = f" of {one.group}" if one.group else ""
        axes.set_title(_short(f"{one.feature}{of}") + ", training and now")

    return draw


def drift(found: Sequence[Drift]) -> Callable[[Any], None]:
    """The drift of each feature since the training of the champion."""
    top = list(found)[:MAX_BARS][::-1]

    def draw(axes: Any) -> None:
        colors = [BAD if one.is_alarm else MODEL for one in top]
        names = [_short(f"{one.feature} {one.group}".strip()) for one in top]
        axes.barh(names, [one.psi for one in top], color=colors)
        _slim(axes, len(top))
        axes.axvline(ALARM_PSI, color=BAD, linewidth=1, linestyle="--")
        axes.set_xlabel("population stability index")
        axes.set_title("Drift of the features")

    return draw

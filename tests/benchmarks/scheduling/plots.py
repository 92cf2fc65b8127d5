"""The pictures of the benchmark, as SVG: how near orders come to the oracle, waits, and a step of load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.benchmarks.scheduling.arrivals import Waits
from tests.benchmarks.scheduling.load_step import BEFORE, BOUNDS, Course
from tests.benchmarks.scheduling.makespan import CLOSE, Makespan

SIZE = (8.0, 3.4)  # inches
SHOWN = 1.5  # the most of a ratio that is drawn
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "the same figures, the same file",
}


def draw(
    folder: Path,
    makespans: Mapping[str, Makespan],
    waits: Mapping[str, Waits],
    courses: Mapping[str, Course],
) -> list[Path]:
    """Write the pictures into the folder; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        figures = {
            "makespans": _makespans(makespans),
            "waits": _waits(waits),
            "load_step": _courses(courses),
        }
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
    return [folder / f"{name}.svg" for name in figures]


def _makespans(results: Mapping[str, Makespan]) -> Figure:
    """How many instances are within each ratio to the oracle."""
    figure, axes = _empty()
    for name, one in results.items():
        ratios = sorted(one.ratios)
        shares = [(place + 1) / len(ratios) for place in range(len(ratios))]
        axes.plot(ratios, shares, label=name, drawstyle="steps-post")
    axes.axvline(CLOSE, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlim=(0.98, SHOWN), xlabel="makespan over the oracle's", ylabel="share of instances")
    axes.legend(frameon=False)
    return figure


def _waits(results: Mapping[str, Waits]) -> Figure:
    """Mean, 99th percentile and maximum of each case over first in, first out."""
    figure, axes = _empty()
    for place, figure_of in enumerate(("mean", "p99", "longest")):
        at = [number + (place - 1) * 0.25 for number in range(len(results))]
        axes.barh(at, [getattr(one, figure_of) for one in results.values()], 0.22, label=figure_of)
    axes.set_yticks(range(len(results)), list(results))
    axes.invert_yaxis()
    axes.axvline(1.0, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlim=(0, 2 * SHOWN), xlabel="wait over first in, first out")
    axes.legend(frameon=False)
    return figure


def _courses(results: Mapping[str, Course]) -> Figure:
    """The consumers, and the age of the oldest item, over time."""
    figure = Figure(figsize=SIZE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for name, course in results.items():
        minutes = [(at - BEFORE) / 60 for at in course.at]
        above.plot(minutes, course.consumers, label=name)
        below.plot(minutes, course.oldest, label=name)
    above.set(ylabel="consumers")
    below.axhline(BOUNDS.target, color="grey", linewidth=0.8, linestyle=":")
    below.set(ylabel="oldest, s", xlabel="minutes since the step", yscale="symlog")
    above.legend(frameon=False)
    return figure


def _empty() -> tuple[Figure, Any]:
    figure = Figure(figsize=SIZE, layout="constrained")
    return figure, figure.subplots()

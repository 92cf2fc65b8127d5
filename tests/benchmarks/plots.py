"""The picture of the table: how each goal was met, and steps a second beside those of the peers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.benchmarks.scheduling.plots import STYLE

WIDTH, LINE = 9.0, 0.24  # inches
PACE = ", steps/s"


def draw(path: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the picture of the rows that were measured."""
    goals = [
        (f"{row}: {one['name']}", _reached(one), one["met"])
        for row, result in rows.items()
        for one in result.get("figures", ())
        if one["goal"]
    ]
    paces = [
        (one["name"].removesuffix(PACE), one["median"], one["low"], one["high"])
        for one in rows.get("bulk", {}).get("figures", ())
        if one["name"].endswith(PACE)
    ]
    heights = [len(goals) + 3, len(paces) + 3]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, LINE * sum(heights)), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=heights)
        _draw_goals(above, goals)
        _draw_paces(below, paces)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _reached(figure: Mapping[str, Any]) -> float:
    """How far the goal is reached: 1 is just reached, more is better."""
    direction, _, number = figure["goal"].rpartition(" ")
    share: float = max(figure["median"], 1e-9) / float(number)
    return share if direction == "at least" else 1 / share


def _draw_goals(axes: Any, goals: list[tuple[str, float, bool]]) -> None:
    colours = ["tab:green" if met else "tab:red" for *_, met in goals]
    axes.barh([name for name, *_ in goals], [share for _, share, _ in goals], 0.6, color=colours)
    axes.axvline(1, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xlabel="how far the goal is reached (1: just reached)")
    axes.invert_yaxis()


def _draw_paces(axes: Any, paces: list[tuple[str, float, float, float]]) -> None:
    medians = [middle for _, middle, _, _ in paces]
    spread = [
        [middle - low for _, middle, low, _ in paces],
        [high - middle for _, middle, _, high in paces],
    ]
    axes.barh([name for name, *_ in paces], medians, 0.6, xerr=spread)
    axes.set(xscale="log", xlabel="steps a second")
    axes.invert_yaxis()

"""Where a series jumps: its middle of some days differs from that of the days before, as nowhere else.

The difference is measured by what is usual for this series, so a series that wanders by itself has none.
A block that begins by a jump ends by the opposite one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOWS = (3, 7, 14)  # days on each side
LEAST = 8.0  # times the usual difference: for 1,000 clean series of a year, none is found
TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation
COMMON = 0.9  # share of the differences that are usual
# Whose deviation by chance is known, and tested besides: none in 2,400 series whose shares wander, and 1 with 5.25.
LEAST_OF_SHARES = 5.5
USUAL_SHARE = 0.02  # by which shares of a window differ
FEW_CHANGES = 6
PERIODS = 5  # windows that a series must have to say what is usual
LEAST_DAYS = PERIODS * 2 * WINDOWS[0]  # with fewer, nothing tells what is usual
LEAST_DAYS_OF_SHARES = PERIODS * 2 * WINDOWS[1]
ALIKE = 0.4  # how much the jump at the end of a block may differ from that at its begin


@dataclass(frozen=True, slots=True)
class Jump:
    """A series is by `size` higher from the place `begin` on, until the place `end`; None if it stays so."""

    begin: int
    end: int | None
    size: float


def jumps(values: np.ndarray, least: float = 0.0) -> list[Jump]:
    """The jumps of a series without missing values; a `size` below `least` is none."""
    return [] if _is_rarely_other(values) else _jumps(values, least, WINDOWS, 0.0, LEAST)


def _is_rarely_other(values: np.ndarray) -> bool:
    """Whether most values are equal and the others come and go: a few of them in a row are chance."""
    _, counts = np.unique(values, return_counts=True)
    changes = np.count_nonzero(np.diff(values))
    return bool(changes > FEW_CHANGES and counts.max() > len(values) / 2)


def jumps_of_share(shares: np.ndarray, least: float) -> list[Jump]:
    """The same of the share of the rows of each day; it is usual that shares differ a little."""
    return _jumps(shares, least, WINDOWS[1:], USUAL_SHARE, LEAST_OF_SHARES)


def _jumps(
    values: np.ndarray, least: float, windows: Sequence[int], least_usual: float, sure: float
) -> list[Jump]:
    found: list[tuple[int, float]] = []
    long_enough = [window for window in windows if len(values) >= PERIODS * 2 * window]
    scores = [(window, _scores(values, window, least_usual)) for window in long_enough]
    blocked = np.zeros(len(values), dtype=bool)
    while scores:
        best = [
            np.where(blocked[window : len(values) - window + 1], 0.0, score).max()
            for window, score in scores
        ]
        number = int(np.argmax(best))
        if best[number] < sure:
            break
        window, score = scores[number]
        place = window + int(
            np.argmax(np.where(blocked[window : len(values) - window + 1], 0.0, score))
        )
        blocked[max(0, place - window) : place + window] = True
        place = _refined(values, place, window)
        size = float(np.median(values[place:][:window]) - np.median(values[:place][-window:]))
        is_new = all(abs(place - other) > 2 for other, _ in found)
        if is_new and abs(size) >= least and size:
            found.append((place, size))
        blocked[max(0, place - 2) : place + 3] = True
    return _paired(sorted(found))


def _scores(values: np.ndarray, window: int, least: float) -> np.ndarray:
    """How unusual the difference of the windows after and before each place is."""
    middle = _middle(np.lib.stride_tricks.sliding_window_view(values, window))
    apart = np.abs(middle[window:] - middle[:-window])
    ordered = np.sort(apart)
    within = np.lib.stride_tricks.sliding_window_view(values, WINDOWS[1]).std(axis=1)
    usual = max(
        least,
        TO_SIGMA * float(np.median(apart)),
        float(ordered[: int(COMMON * len(ordered))].mean()),
        # What those of independent values would differ by: many equal values hide it.
        float(within.mean()) * 1.25 * np.sqrt(2 / window),
    )
    unusual: np.ndarray = apart / max(usual, np.finfo(float).tiny)
    return unusual


def _middle(days: np.ndarray) -> np.ndarray:
    """The mean of each row without its extremes: one day of an outage does not count."""
    without = max(1, days.shape[1] // 5)
    found: np.ndarray = np.sort(days, axis=1)[:, without:-without].mean(axis=1)
    return found


def _refined(values: np.ndarray, place: int, window: int) -> int:
    """The place near this one that divides the values best."""
    first, last = max(0, place - window), min(len(values), place + window)
    return first + best_cut(values[first:last])


def best_cut(values: np.ndarray) -> int:
    """The place that divides two or more values best: by the least absolute differences from two medians."""
    costs = [
        np.abs(values[:cut] - np.median(values[:cut])).sum()
        + np.abs(values[cut:] - np.median(values[cut:])).sum()
        for cut in range(1, len(values))
    ]
    return 1 + int(np.argmin(costs))


def _paired(found: list[tuple[int, float]]) -> list[Jump]:
    """Each jump with its end: the next one, if that leads back."""
    result: list[Jump] = []
    ends = False
    for number, (place, size) in enumerate(found):
        if ends:
            ends = False
            continue
        after = found[number + 1] if number + 1 < len(found) else None
        ends = after is not None and abs(after[1] + size) <= ALIKE * abs(size)
        result.append(Jump(place, after[0] if ends and after else None, size))
    return result

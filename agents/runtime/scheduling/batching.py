"""Batches of like duration: short items do not wait in a batch for a long one, nor share its failure."""

from collections.abc import Sequence
from math import inf, log

SHORT = (
    1.0  # seconds; items below this are alike, since a batch of their own costs more than they take
)
LONGEST = 1e9  # seconds, of a forecast that is infinite
LIKE = 4.0  # from here on items are alike whose durations differ by up to about this factor


def band(seconds: float) -> int:
    """Items of one band may be in one batch."""
    if not seconds >= SHORT:  # nor is a number that is none
        return 0
    return 1 + int(log(min(seconds, LONGEST) / SHORT, LIKE))


def alike(expected: Sequence[float | None], work: float = inf) -> list[int]:
    """The places in this sequence of those that make a batch with the first: of its band, in order.

    It ends when they take `work` seconds together. Those without a forecast go with any others.
    """
    first = next((band(seconds) for seconds in expected if seconds is not None), 0)
    chosen, total = list[int](), 0.0
    for place, seconds in enumerate(expected):
        if seconds is not None and band(seconds) != first:
            continue
        if chosen and total + (seconds or 0.0) > work:
            break
        chosen.append(place)
        total += seconds or 0.0
    return chosen


def batch_size(mean: float, work: float, most: int) -> int:
    """How many items of this mean duration take `work` seconds together: 1 to `most`."""
    return max(1, int(work / mean)) if mean * most > work else most

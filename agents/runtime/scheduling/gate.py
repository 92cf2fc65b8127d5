"""The skill gate: forecasts order a queue only while they agree with what really happens.

Shortest first with wrong forecasts is worse than first in, first out. So the gate compares forecast
and outcome of the last completions, and is closed until enough of them agree.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

WINDOW = 200  # completions that are compared
FEWEST = 50  # completions without which nothing is known
OPEN_AT = 0.60
CLOSED_BELOW = 0.55
WITHOUT_SKILL = 0.50
EVERY = 25  # completions between two judgements of `Gate`

Pair = tuple[float, float]  # forecast and outcome of one item, in seconds


def concordance(pairs: Sequence[Pair]) -> float | None:
    """How often, of two items, the one with the longer forecast took longer: 1 always, 0 never.

    Equal forecasts count half; two items that took equally long cannot be compared. None if no two
    items can. 0.5 is what chance reaches. It takes n log n steps.
    Source: F. Harrell et al., "Evaluating the yield of medical tests", JAMA 247 (1982).
    """
    shorter = list[float]()  # forecasts of those that took less time, sorted
    agreed, comparable = 0.0, 0
    for _, same in groupby(sorted(pairs, key=itemgetter(1)), key=itemgetter(1)):
        forecasts = [forecast for forecast, _ in same]
        for forecast in forecasts:
            below = bisect_left(shorter, forecast)
            agreed += (below + bisect_right(shorter, forecast, below)) / 2
        comparable += len(shorter) * len(forecasts)
        for forecast in forecasts:
            insort(shorter, forecast)
    return agreed / comparable if comparable else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate is open, and the concordance of the last completions."""

    open: bool = False
    concordance: float | None = None


def judge(pairs: Sequence[Pair], *, was_open: bool) -> Verdict:
    """The verdict on the last WINDOW of these completions, the newest at the end.

    Between the limits the gate stays as it was, so that chance does not move it to and fro. The last
    FEWEST are looked at by themselves too, so that it closes soon after forecasts have become wrong.
    """
    found, recent = concordance(pairs[-WINDOW:]), concordance(pairs[-FEWEST:])
    if found is None or recent is None or len(pairs) < FEWEST:
        return Verdict(open=False, concordance=found)
    if was_open:
        return Verdict(found >= CLOSED_BELOW and recent >= WITHOUT_SKILL, found)
    return Verdict(min(found, recent) >= OPEN_AT, found)


class Gate:
    """A gate in memory, which judges by the completions that it observed."""

    __slots__ = ("_pairs", "_unjudged", "verdict")

    def __init__(self) -> None:
        self.verdict = Verdict()
        self._pairs: deque[Pair] = deque(maxlen=WINDOW)
        self._unjudged = 0

    @property
    def open(self) -> bool:
        """Whether forecasts may order the queue."""
        return self.verdict.open

    def observe(self, forecast: float, outcome: float) -> None:
        """Count an item that took `outcome` seconds; every few items the gate is judged again."""
        self._pairs.append((forecast, outcome))
        self._unjudged += 1
        if self._unjudged >= EVERY:
            self._unjudged = 0
            self.verdict = judge(list(self._pairs), was_open=self.open)

"""What a row of the table says: each figure with its rounds, its goal, and whether that was met."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a row: its values, one for each round, and the most or the least that it should be."""

    name: str
    values: Sequence[float]
    most: float | None = None
    least: float | None = None

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def is_met(self) -> bool | None:
        """Whether the median meets the goal; None without a goal."""
        if self.most is not None:
            return self.middle <= self.most
        return None if self.least is None else self.middle >= self.least

    @property
    def goal(self) -> str:
        """The goal in words; empty without one."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return "" if self.least is None else f"at least {self.least:g}"

    def as_json(self) -> dict[str, Any]:
        """The figure as it is kept and printed."""
        return {
            "name": self.name,
            "median": shown(self.middle),
            "low": shown(min(self.values)),
            "high": shown(max(self.values)),
            "rounds": len(self.values),
            "goal": self.goal,
            "met": self.is_met,
        }


def shown(value: float) -> float:
    """The value with four meaningful digits, or all of a whole number's."""
    return float(f"{value:.4g}") if abs(value) < 1_000 else float(round(value))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, round by round: a disturbance of a round affects both."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def at(percent: int, seconds: Sequence[float]) -> float:
    """This percentile in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] * MILLISECONDS


def each(percent: int, rounds: Sequence[Sequence[float]]) -> list[float]:
    """This percentile of each round, in milliseconds."""
    return [at(percent, seconds) for seconds in rounds]

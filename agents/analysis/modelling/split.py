"""Past, present and future: a model learns from the first, is chosen by the second, judged by the third."""

from dataclasses import dataclass

import pandas as pd

from agents.analysis.modelling.features import Samples
from agents.runtime.errors import PermanentError

LEAST = 100


class TooFewRows(PermanentError):
    """Not enough rows with an outcome to learn and to judge."""

    def __init__(self, part: str, rows: int) -> None:
        super().__init__(part, rows)
        self.part, self.rows = part, rows

    def __str__(self) -> str:
        return (
            f"{self.rows} rows with an outcome to {self.part}: "
            f"at least {LEAST} are needed, in days of their own"
        )


@dataclass(frozen=True, slots=True)
class Split:
    """Three stretches of time, one after the other, without a common row."""

    learn: Samples
    choose: Samples
    judge: Samples


def split(samples: Samples, test_share: float) -> Split:
    """The last share of the time is for judging, and as much before it for choosing.

    Cut between days, so that no day is on both sides. Raises TooFewRows.
    """
    first, last = samples.time.min(), samples.time.max()
    judge_from = _day(first + (last - first) * (1 - test_share))
    choose_from = _day(first + (judge_from - first) * (1 - test_share))
    parts = Split(
        samples.between(None, choose_from),
        samples.between(choose_from, judge_from),
        samples.between(judge_from, None),
    )
    for name, part in (("learn", parts.learn), ("choose", parts.choose), ("judge", parts.judge)):
        if len(part.outcome) < LEAST:
            raise TooFewRows(name, len(part.outcome))
    return parts


def _day(time: pd.Timestamp) -> pd.Timestamp:
    return time.floor("D")

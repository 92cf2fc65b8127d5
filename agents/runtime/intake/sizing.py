"""How many items a consumer claims at a time: what it can do within a latency budget, by forecast."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row

from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.queue import Wanted
from agents.runtime.scheduling.batching import batch_size


@dataclass(slots=True)
class BatchSizer:
    """Batches that take about `seconds` by the forecasts of the last one, and hold `most` items at most.

    Without forecasts batches hold up to `most` items.
    """

    seconds: float
    most: int
    _mean: float = 0.0  # seconds of work on an item
    _at_once: float = 1.0  # items that are in work at once

    @property
    def wanted(self) -> Wanted:
        """What to claim next."""
        work = self.seconds * self._at_once
        return Wanted(batch_size(self._mean, work, self.most), work)

    def learn(self, claimed: Sequence[Row[Any]]) -> None:
        """Take the forecasts of a batch for those of the next one."""
        expected = [row.expected for row in claimed if row.expected is not None]
        self._mean = sum(expected) / len(expected) if expected else 0.0
        forecasts = (orjson.loads(row.forecast) for row in claimed if row.forecast is not None)
        self._at_once = _at_once(forecasts, self.most)


def _at_once(forecasts: Iterable[dict[str, tuple[float, float, float]]], most: int) -> float:
    """How many items are in work at once, on average over their agents: as their policies allow."""
    work = passed = 0.0
    for forecast in forecasts:
        for name, (_, _, mean) in forecast.items():
            work += mean
            passed += mean / _concurrency(name, most)
    return work / passed if passed else 1.0


def _concurrency(name: str, most: int) -> int:
    agent = AGENTS.get(name)
    if agent is None:
        return 1
    return most if agent.batched else agent.policy.concurrency

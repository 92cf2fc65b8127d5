"""How long whole workflows take on a few workers, by what the order of their tasks is made from.

The order is the product's: the task with the longest expected chain of work behind it goes first. The
oracle knows the durations; everything else is measured against its schedule, which is not optimal but
what a list schedule by the critical path reaches. First in, first out is in the order of becoming ready.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agents.runtime.scheduling.critical_path import in_steps, tails
from tests.benchmarks.scheduling.forecasts import Forecasts, learned, of_other_families
from tests.benchmarks.scheduling.simulation import run
from tests.benchmarks.scheduling.traces import Workflow

WORKERS = (2, 8, 16)
CLOSE, WORSE = 1.05, 1.02

Instance = tuple[str, int]  # a workflow and the number of workers
Makespans = dict[Instance, float]


def keys(workflow: Workflow, expected: Sequence[float]) -> list[float]:
    """The precedence of each task, lowest first, as the product gives it."""
    found = in_steps(_tails(workflow, expected))
    return [-found[task] for task in range(len(expected))]


def oracle(workflows: Sequence[Workflow]) -> Makespans:
    """The makespans of those who know all durations, and order tasks by their exact tails."""
    found: Makespans = {}
    for one in workflows:
        exact = _tails(one, one.seconds)
        order = [-exact[task] for task in range(len(exact))]
        found |= {(one.name, workers): run(one, workers, order).makespan for workers in WORKERS}
    return found


def _tails(workflow: Workflow, seconds: Sequence[float]) -> dict[int, float]:
    return tails(dict(enumerate(seconds)), dict(enumerate(workflow.parents)))


def makespans(workflows: Sequence[Workflow], forecasts: Forecasts | None) -> Makespans:
    """The makespan of each workflow on each number of workers; without forecasts first in, first out."""
    found = {}
    for one in workflows:
        order = None if forecasts is None else keys(one, forecasts[one.name])
        for workers in WORKERS:
            found[one.name, workers] = run(one, workers, order).makespan
    return found


def equal(workflows: Sequence[Workflow]) -> Forecasts:
    """No forecast: every task takes equally long."""
    return {one.name: [1.0] * len(one.seconds) for one in workflows}


def shuffled(workflows: Sequence[Workflow], seed: int = 7) -> Forecasts:
    """Wrong forecasts: the durations of the workflow, of other tasks."""
    numbers = random.Random(seed)
    return {one.name: numbers.sample(one.seconds, len(one.seconds)) for one in workflows}


@dataclass(frozen=True, slots=True)
class Makespan:
    """One order over all instances, beside the oracle and first in, first out.

    Args:
        close: The share of instances within 5 % of the oracle.
        by_workers: The same for each number of workers.
        ratios: To the oracle, of each instance.
        worse: Instances more than 2 % worse than first in, first out, where the oracle is not.

    """

    close: float
    by_workers: Mapping[int, float]
    ratios: Sequence[float]
    worse: int

    @property
    def worst(self) -> float:
        """The greatest ratio to the oracle."""
        return max(self.ratios)

    def figures(self) -> dict[str, object]:
        """The same for the answer."""
        return {
            "within_5_percent_of_oracle": round(self.close, 3),
            "by_workers": {str(workers): round(one, 3) for workers, one in self.by_workers.items()},
            "worst_of_oracle": round(self.worst, 3),
            "worse_than_fifo_where_oracle_is_not": self.worse,
        }

    def row(self) -> list[str]:
        """The same for the table."""
        return [f"{self.close:.3f}", f"{self.worst:.2f}", str(self.worse)]


def compare(found: Makespans, oracle: Makespans, fifo: Makespans) -> Makespan:
    """How near the oracle these makespans are, and where they are worse than first in, first out."""
    near = {one: found[one] <= CLOSE * oracle[one] for one in found}
    worse = [
        one for one in found if found[one] > WORSE * fifo[one] and oracle[one] <= WORSE * fifo[one]
    ]
    return Makespan(
        fmean(near.values()),
        {p: fmean(value for (_, q), value in near.items() if q == p) for p in WORKERS},
        [found[one] / oracle[one] for one in found if oracle[one]],
        len(worse),
    )


def measure(workflows: Sequence[Workflow]) -> dict[str, Makespan]:
    """All orders on all workflows."""
    known, fifo = oracle(workflows), makespans(workflows, None)
    kinds = {
        "first in, first out": fifo,
        "learned": makespans(workflows, learned(workflows)),
        "by kind alone": makespans(workflows, learned(workflows, places=False)),
        "other families": makespans(workflows, of_other_families(workflows)),
        "no forecast": makespans(workflows, equal(workflows)),
        "shuffled": makespans(workflows, shuffled(workflows)),
    }
    return {name: compare(found, known, fifo) for name, found in kinds.items()}

"""Forecasts of the tasks of workflows, learned from other workflows only, by the product's model.

A scenario is a family of workflows, an agent a kind of task, and the kind of item its place among the
tasks of that kind: a workflow that recurs has the same places. Nothing else is known of a task before
it runs. Pipelines of Nextflow, each recorded once, share modules: there the last part names the agent.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter

from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.features import KIND, Example, Features, features
from agents.runtime.scheduling.forecasting import fit
from tests.benchmarks.scheduling.traces import Workflow

FOLDS = 10  # of a family: a tenth of its workflows is forecast from the other nine
Seconds = Callable[[Expected], float]  # what of a forecast the order is made from
IN_CHAIN: Seconds = attrgetter("in_chain")
OF_ONE: Seconds = attrgetter("mean")
Forecasts = Mapping[str, Sequence[float]]  # the expected seconds of each task, by workflow


def learned(
    workflows: Sequence[Workflow], *, places: bool = True, seconds: Seconds = IN_CHAIN
) -> Forecasts:
    """Each workflow forecast from others of its family; by the kinds of its tasks alone without `places`."""
    return _forecast(_by_fold(workflows), seconds, places=places)


def of_other_families(workflows: Sequence[Workflow]) -> Forecasts:
    """Each workflow forecast from other families only, whose tasks have other names."""
    families = _families(workflows).values()
    split = (
        ([one for other in families if other is not family for one in other], family)
        for family in families
    )
    return _forecast(split, IN_CHAIN)


def _families(workflows: Sequence[Workflow]) -> dict[str, list[Workflow]]:
    found = defaultdict[str, list[Workflow]](list)
    for one in workflows:
        found[one.family].append(one)
    return found


Split = tuple[list[Workflow], list[Workflow]]  # to learn from, and to forecast


def _by_fold(workflows: Sequence[Workflow]) -> Iterator[Split]:
    for family in _families(workflows).values():
        folds = min(FOLDS, len(family))
        for fold in range(folds):
            rest = [one for place, one in enumerate(family) if place % folds != fold]
            yield rest, family[fold::folds]


def _forecast(
    splits: Iterator[Split], seconds: Seconds, *, places: bool = True
) -> dict[str, list[float]]:
    found = {}
    for known, asked in splits:
        model = fit([one for workflow in known for one in _examples(workflow, places=places)])
        for workflow in asked:
            rows = [(one.features, one.agent) for one in _examples(workflow, places=places)]
            found[workflow.name] = [seconds(expected) for expected in model.predict(rows)]
    return found


def _examples(workflow: Workflow, *, places: bool) -> list[Example]:
    """The tasks, as if they had run at random times, since when they did is not known."""
    times = random.Random(workflow.name)
    return [
        Example(
            *(_features(workflow, task, places=places), kind.rpartition(".")[2], seconds),
            at=times.random(),
        )
        for task, (kind, seconds) in enumerate(zip(workflow.kinds, workflow.seconds, strict=True))
    ]


def _features(workflow: Workflow, task: int, *, places: bool) -> Features:
    place = {KIND: str(workflow.occurrences[task])} if places else {}
    return features(workflow.family, declared=place)

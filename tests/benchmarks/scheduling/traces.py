"""Workflows with the run times that were measured: real ones from a file, or generated ones of the same shape.

The file holds runs of real workflows, condensed from wfcommons/WfInstances: a list of
`{name, tasks}`, each task `[id, [parent ids], seconds, name, 0, cores or null, memory or null]`.
Its memory was measured while the task ran, so no forecast may read it. The two workflows of the folder
`helloworld` only burn processor time and are left out; 165 of 167 remain.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import ROOT

TRACES = ROOT.parent / "shared" / "data" / "workflow_traces.json.gz"
DEMONSTRATIONS = "helloworld/"
NUMBER = re.compile(r"[_-]?(ID)?\d{3,}$")
OWN_FAMILY = "nextflow"  # its 15 pipelines are one family, as each was recorded once


@dataclass(frozen=True)
class Workflow:
    """The tasks of one run: what kind each is, the tasks it needs, and the seconds it took."""

    name: str
    kinds: Sequence[str]
    parents: Sequence[Sequence[int]]
    seconds: Sequence[float] = field(repr=False)

    @property
    def family(self) -> str:
        """What recurs: the application, for example `montage`."""
        folder, *_, last = self.name.split("/")
        return OWN_FAMILY if folder == OWN_FAMILY else last.split("-")[0]

    @property
    def work(self) -> float:
        """Seconds of all tasks together."""
        return sum(self.seconds)

    @cached_property
    def children(self) -> list[list[int]]:
        """The tasks that need each task."""
        found: list[list[int]] = [[] for _ in self.parents]
        for task, parents in enumerate(self.parents):
            for parent in parents:
                found[parent].append(task)
        return found

    @cached_property
    def occurrences(self) -> list[int]:
        """How many tasks of the same kind the file lists before each task."""
        seen: Counter[str] = Counter()
        found = []
        for kind in self.kinds:
            found.append(seen[kind])
            seen[kind] += 1
        return found


def kind_of(name: str) -> str:
    """A task's name without its number; Pegasus writes `kind_job`, where both begin with the same word."""
    plain = NUMBER.sub("", name)
    first, *rest = plain.split("_")
    return first if rest and rest[0] == first else plain


def read_traces(path: Path) -> list[Workflow]:
    """The workflows of the file, without the two demonstrations."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = json.load(file)
    return [_workflow(one) for one in found if not one["name"].startswith(DEMONSTRATIONS)]


def _workflow(found: dict[str, Any]) -> Workflow:
    numbers = {task[0]: number for number, task in enumerate(found["tasks"])}
    return Workflow(
        name=found["name"],
        kinds=[kind_of(task[3]) for task in found["tasks"]],
        parents=[[numbers[parent] for parent in task[1]] for task in found["tasks"]],
        seconds=[max(0.0, task[2]) for task in found["tasks"]],
    )


def workflows(path: Path | None, *, seed: int = 7) -> tuple[list[Workflow], str]:
    """The workflows, and where they come from, in words for the reader."""
    place = path or TRACES
    if place.exists():
        return read_traces(place), f"real workflows from {place.name}"
    return generate(seed), f"generated workflows, as {place.name} is absent"


def generate(seed: int, families: int = 10, runs: int = 16, width: int = 60) -> list[Workflow]:
    """Workflows of the shape of the real ones: split, two to four rounds side by side, join."""
    numbers = random.Random(seed)
    found: list[Workflow] = []
    for family in range(families):
        rounds = numbers.randint(2, 4)
        typical = [numbers.lognormvariate(2.0, 1.5) for _ in range(rounds + 2)]
        spread = numbers.choice((0.1, 0.3, 0.8))
        found += [
            _generated(numbers, f"made/f{family}-{run:03}", typical, spread, width)
            for run in range(runs)
        ]
    return found


def _generated(
    numbers: random.Random, name: str, typical: Sequence[float], spread: float, width: int
) -> Workflow:
    """One run: the first task feeds lines of tasks, the last one needs them all."""
    scale = numbers.lognormvariate(0.0, 0.4)
    lines = numbers.randint(width // 6, width)
    kinds, parents = ["kind_0"], [[]]  # type: tuple[list[str], list[list[int]]]
    for place in range(1, len(typical) - 1):
        for line in range(lines):
            kinds.append(f"kind_{place}")
            parents.append([0] if place == 1 else [(place - 2) * lines + line + 1])
    kinds.append(f"kind_{len(typical) - 1}")
    parents.append(list(range((len(typical) - 3) * lines + 1, len(kinds) - 1)))
    usual = [typical[int(kind.removeprefix("kind_"))] for kind in kinds]
    seconds = [scale * one * numbers.lognormvariate(0.0, spread) for one in usual]
    return Workflow(name, kinds, parents, seconds)


def sizes(found: Iterable[Workflow]) -> list[float]:
    """The seconds of all tasks of all workflows that took any time."""
    return [seconds for one in found for seconds in one.seconds if seconds > 0]

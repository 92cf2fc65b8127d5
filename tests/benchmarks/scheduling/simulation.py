"""Discrete events: tasks of one workflow on some workers, and tasks that arrive at some servers.

Nothing is preempted, and no worker idles while a task is ready. A task goes to a worker by its key,
lowest first, and among equal keys as tasks became ready.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from tests.benchmarks.scheduling.traces import Workflow


@dataclass(frozen=True, slots=True)
class Schedule:
    """When each task began, and when the last one ended; seconds since the first began."""

    starts: Sequence[float]
    makespan: float


def run(workflow: Workflow, workers: int, keys: Sequence[float] | None) -> Schedule:
    """The workflow on these workers; without keys, tasks go first in, first out as they become ready."""
    missing = [len(parents) for parents in workflow.parents]
    ready = _Ready(keys)
    for task, count in enumerate(missing):
        if not count:
            ready.add(task)
    starts = [0.0] * len(missing)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            task = ready.take()
            starts[task] = now
            heappush(running, (now + workflow.seconds[task], task))
        now = running[0][0]
        for task in _ended(running, now):
            for child in workflow.children[task]:
                missing[child] -= 1
                if not missing[child]:
                    ready.add(child)
    return Schedule(starts, now)


def _ended(running: list[tuple[float, int]], now: float) -> list[int]:
    ended = []
    while running and running[0][0] <= now:
        ended.append(heappop(running)[1])
    return ended


class _Ready:
    """The tasks that may begin, by key or first in, first out."""

    def __init__(self, keys: Sequence[float] | None) -> None:
        self._keys = keys
        self._arrived = 0
        self._heap: list[tuple[float, int, int]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, task: int) -> None:
        self._arrived += 1
        key = 0.0 if self._keys is None else self._keys[task]
        heappush(self._heap, (key, self._arrived, task))

    def take(self) -> int:
        return heappop(self._heap)[2]

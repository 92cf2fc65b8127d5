"""Workflows that others have recorded: WfFormat of WfCommons, and condensed traces of it.

Since version 1.5 WfFormat has the tasks in `workflow.specification` and what was measured in
`workflow.execution`; tasks name each other by id. Before, both are in `workflow.tasks`, up to 1.2 in
`workflow.jobs`, and tasks name each other by their names. Source: https://github.com/wfcommons/WfFormat
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.tasks.models import DAY, Task, Workflow

KILOBYTE = 1_000  # what `memory` counts up to version 1.3
Body = dict[str, Any]


def is_wfformat(body: Mapping[str, object]) -> bool:
    """Whether the file is in WfFormat: it has a version of the schema."""
    return "schemaVersion" in body and isinstance(body.get("workflow"), dict)


def from_wfformat(body: Mapping[str, Any], scale: float) -> Body:
    """The workflow in our own form, not validated yet: each task waits as long as it took.

    Raises TypeError, KeyError and ValueError if the file is not what its version says.
    """
    workflow = body["workflow"]
    if "specification" in workflow:
        found = workflow.get("execution") or {}
        measured = {one["id"]: one for one in found.get("tasks") or ()}
        tasks = [
            _task(one["id"], one.get("parents"), measured.get(one["id"], {}), scale)
            for one in workflow["specification"]["tasks"]
        ]
    else:
        old = workflow["tasks"] if "tasks" in workflow else workflow["jobs"]
        tasks = [_task(one["name"], one.get("parents"), one, scale) for one in old]
    return {"name": name_of(str(body["name"])), "tasks": tasks}


def _task(task: Any, parents: Any, measured: Mapping[str, Any], scale: float) -> Body:
    seconds = measured.get("runtimeInSeconds", measured.get("runtime", 0))
    return {
        "id": task,
        "seconds": _scaled(float(seconds), scale),
        "needs": [one for one in parents or () if one],
        "resources": dict(_resources(measured)),
    }


def _resources(measured: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    if cores := measured.get("coreCount", measured.get("cores")):
        yield "cpu", float(cores)
    if "memoryInBytes" in measured:
        yield "memory", float(measured["memoryInBytes"])
    elif "memory" in measured:
        yield "memory", float(measured["memory"]) * KILOBYTE


def from_trace(
    record: Mapping[str, Any], scale: float, expected: Mapping[str, float] | None = None
) -> Workflow:
    """The workflow of a condensed trace: `{name, tasks: [[id, parents, seconds, name, 0, cores, ...]]}`.

    Each task waits `scale` times as long as it took, and holds its cores. What it takes of memory is
    left out, since its unit differs between the sources. `expected` are unscaled forecasts by task.
    """
    tasks = tuple(
        Task(
            id=task,
            seconds=_scaled(seconds, scale),
            needs=tuple(parents),
            resources={"cpu": float(cores)} if cores else {},
            expected=None if expected is None else _scaled(expected[task], scale),
        )
        for task, parents, seconds, _, _, cores, *_ in _rows(record)
    )
    return Workflow(name=name_of(record["name"]), tasks=tasks)


def _rows(record: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    rows: Sequence[Sequence[Any]] = record["tasks"]
    return rows


def _scaled(seconds: float, scale: float) -> float:
    return min(max(seconds, 0.0) * scale, DAY)


def name_of(name: str) -> str:
    """A name for the workflow: the last part of a path, without what a name may not have."""
    last = name.rstrip("/").rpartition("/")[2].removesuffix(".json")
    return re.sub(r"[^0-9A-Za-z_.#:-]+", "-", last).strip("-")[:100] or "workflow"

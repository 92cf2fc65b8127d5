"""Workflows that others have recorded, in WfFormat of WfCommons.

Since version 1.5 WfFormat has the tasks in `workflow.specification` and what was measured in
`workflow.execution`; tasks name each other by id. Before, both are in `workflow.tasks`, up to 1.2 in
`workflow.jobs`, and tasks name each other by their names. Source: https://github.com/wfcommons/WfFormat
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agents.tasks.models import DAY

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


def _scaled(seconds: float, scale: float) -> float:
    return min(max(seconds, 0.0) * scale, DAY)


def name_of(name: str) -> str:
    """A name for the workflow: the last part of a path, without what a name may not have."""
    last = name.rstrip("/").rpartition("/")[2].removesuffix(".json")
    return re.sub(r"[^0-9A-Za-z_.#:-]+", "-", last).strip("-")[:100] or "workflow"

"""The scenario of tasks: what their end is called."""

import re
from collections.abc import Mapping

from agents.runtime import Item, Scenario
from agents.runtime.model.lifecycle import State
from agents.tasks.models import WorkflowTask

WORDS = {State.COMPLETED: "done"}


def _outcome(item: Item) -> str:
    return WORDS.get(item.state, str(item.state))


NUMBERS = re.compile(r"[_.:#-]*(?:ID)?\d+")


def _features(task: WorkflowTask) -> Mapping[str, float | str]:
    """What forecasts learn from: the names without their numbers, and what the file says of the task."""
    workflow, name = (NUMBERS.sub("", one) for one in (task.workflow, task.id))
    said = {"declared": task.seconds if task.expected is None else task.expected}
    return {"kind": f"{workflow}/{name}", "needs": len(task.needs), **said, **task.resources}


TASKS = Scenario(
    "tasks",
    "1",
    WorkflowTask,
    _outcome,
    features=_features,
    needs=lambda task: task.resources,
    has_dependencies=True,
)

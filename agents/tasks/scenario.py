"""The scenario of tasks: what their end is called."""

from agents.runtime import Item, Scenario
from agents.runtime.model.lifecycle import State
from agents.tasks.models import WorkflowTask

WORDS = {State.COMPLETED: "done"}


def _outcome(item: Item) -> str:
    return WORDS.get(item.state, str(item.state))


TASKS = Scenario(
    "tasks",
    "1",
    WorkflowTask,
    _outcome,
    needs=lambda task: task.resources,
    has_dependencies=True,
)

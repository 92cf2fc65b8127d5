"""A workflow as data: its tasks, what each does, and which of the others each needs."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from agents.workflow.fields import Strict, ascii_text

MOST_TASKS = 20_000
MOST_NEEDS = 5_000
DAY = 86_400.0

WorkflowName = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[0-9A-Za-z_.#:-]+$"),
    BeforeValidator(ascii_text),
]
# As WfFormat has them: https://github.com/wfcommons/WfFormat
TaskId = Annotated[
    str,
    Field(min_length=1, max_length=200, pattern=r"^[0-9A-Za-z_.#:/-]+$"),
    BeforeValidator(ascii_text),
]
ResourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)]


EXAMPLE: JsonValue = {
    "workflow": "nightly",
    "id": "train",
    "kind": "compute",
    "seconds": 30,
    "needs": ["clean"],
    "resources": {"cpu": 1, "memory": 1000000000},
}


class Task(Strict):
    """One task. Its `seconds` are how long it waits or computes, as its `kind` says.

    `resources` are what it holds while it runs; `timeout` are the seconds after which an attempt is
    given up, and `expected` those that you expect it to take, if they are not its `seconds`.
    """

    id: TaskId
    kind: Literal["wait", "compute"] = "wait"
    seconds: Seconds = 0.0
    needs: Annotated[tuple[TaskId, ...], Field(strict=False, max_length=MOST_NEEDS)] = ()
    resources: Annotated[dict[ResourceName, Amount], Field(default_factory=dict, max_length=16)]
    priority: Literal["urgent", "high", "normal", "low"] = "normal"
    timeout: Annotated[float, Field(gt=0, le=DAY)] | None = None
    expected: Seconds | None = None


class WorkflowTask(Task):
    """A task with the name of its workflow: the body of a work item."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    workflow: WorkflowName

    @property
    def key(self) -> str:
        """The key of its item."""
        return key_of(self.workflow, self.id)


class Workflow(Strict):
    """A workflow: its name, and its tasks in any order."""

    name: WorkflowName
    tasks: Annotated[tuple[Task, ...], Field(strict=False, min_length=1, max_length=MOST_TASKS)]


def key_of(workflow: str, task: str) -> str:
    """The key of a task's item; no name of a workflow has a slash."""
    return f"{workflow}/{task}"

"""What the needs of tasks make: the longest chain behind each task, and mistakes such as circles."""

from collections.abc import Iterator, Mapping

from agents.runtime.scheduling.critical_path import NotAGraph, tails
from agents.tasks.models import Task, Workflow
from agents.workflow.records import Problem

MOST_UNKNOWN = 3  # that are named of one task
UNKNOWN_SECONDS = 1.0  # of a task that nothing is known about: then the number of tasks decides


def declared(task: Task) -> float | None:
    """The seconds that the file says the task takes; None if it says nothing."""
    return task.expected if task.expected is not None else task.seconds or None


def tails_of(workflow: Workflow, expected: Mapping[str, float] | None = None) -> dict[str, float]:
    """By task: the seconds from its start to the end of the longest chain behind it.

    Without `expected` tasks take what the file declares. Needs of tasks that are not in the file are
    left out. Raises NotAGraph.
    """
    known = expected or {}
    durations = {
        task.id: known.get(task.id, declared(task) or UNKNOWN_SECONDS) for task in workflow.tasks
    }
    needs = {task.id: [n for n in task.needs if n in durations] for task in workflow.tasks}
    return tails(durations, needs)


def graph_problems(workflow: Workflow, *, open_needs: bool = False) -> Iterator[Problem]:
    """What is wrong with the needs of the tasks; with `open_needs` they may need others."""
    there, seen = {task.id for task in workflow.tasks}, set[str]()
    for task in workflow.tasks:
        if task.id in seen:
            yield _problem(task, "id", "duplicate", "is there twice")
        seen.add(task.id)
        if task.id in task.needs:
            yield _problem(task, "needs", "cycle", "needs itself")
        if len(set(task.needs)) < len(task.needs):
            yield _problem(task, "needs", "duplicate", "names a task twice")
        others = [] if open_needs else [one for one in task.needs if one not in there]
        for unknown in others[:MOST_UNKNOWN]:
            yield _problem(task, "needs", "unknown", f"{unknown} is not a task of this workflow")
    try:
        tails_of(workflow)
    except NotAGraph as error:
        circle = " needs ".join([*error.names[:10], error.names[0]])
        yield Problem("tasks", "cycle", None, f"need each other in a circle: {circle}")


def _problem(task: Task, field: str, rule: str, message: str) -> Problem:
    return Problem(f"task {task.id}: {field}", rule, None, message)

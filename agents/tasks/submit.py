"""The tasks of a workflow as new items, and what each needs."""

from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.submit import NewItem
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from agents.tasks.graph import tails_of
from agents.tasks.models import Workflow, WorkflowTask, key_of
from agents.workflow.records import canonical


def new_items(workflow: Workflow) -> list[NewItem]:
    """The tasks as new items, the longest chain of work behind a task first, which is their order.

    Their rank in the queue follows this order, and so does their precedence.
    """
    tails = tails_of(workflow)
    found = []
    for task in sorted(workflow.tasks, key=lambda task: -tails[task.id]):
        stored = WorkflowTask(workflow=workflow.name, **dict(task))
        body, first = canonical(stored), -tails[task.id]
        found.append(
            NewItem(
                *(stored.key, body, hash_of(body), new_trace(), Priority(task.priority)),
                precedence=first,
            )
        )
    return found


def needs_of(workflow: Workflow) -> dict[str, list[str]]:
    """By the key of each task, the keys of those that it needs."""
    return {
        key_of(workflow.name, task.id): [key_of(workflow.name, needed) for needed in task.needs]
        for task in workflow.tasks
    }

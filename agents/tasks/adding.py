"""Adds tasks to a workflow that runs."""

from agents.runtime.journal import Journal, graph_actions
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.submit import Sender
from agents.tasks.read import read_workflow
from agents.tasks.scenario import TASKS
from agents.tasks.submit import needs_of, new_items
from agents.tasks.view import tasks_of


async def add_to(journal: Journal, file: str, by: str, reason: str) -> tuple[str, set[str]]:
    """Add the tasks of a file to the workflow that it names; returns its name and the tasks that are new.

    Raises SourceError, BadWorkflow, UnknownNeeds, and Conflict for a task that is another one there.
    """
    workflow = read_workflow(file, open_needs=True)
    known = {task.id for task in await tasks_of(journal, workflow.name)}
    added = {task.id for task in workflow.tasks} - known
    name, after = f"workflow {workflow.name}", {"added": sorted(added)[:50], "tasks": len(added)}
    entry = AuditEntry(journal.tenant, by, "add", name, reason, {"tasks": len(known)}, after)
    new, needs = new_items(workflow), needs_of(workflow)
    await graph_actions.add(journal, Sender.of(journal.tenant, TASKS), new, needs, entry)
    return workflow.name, added

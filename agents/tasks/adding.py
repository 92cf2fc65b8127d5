"""Adds tasks to a workflow that runs."""

from agents.runtime.journal import Journal, graph_actions
from agents.runtime.journal.api_requests import RequestKey
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.submit import Sender
from agents.tasks.fit import require_resources
from agents.tasks.models import Workflow, key_of
from agents.tasks.scenario import TASKS
from agents.tasks.submit import needs_of, new_items


async def add_to(
    journal: Journal, workflow: Workflow, by: str, reason: str, request: RequestKey | None = None
) -> set[str]:
    """Add the tasks to the workflow that they name; returns the ids of those that are new.

    They may need tasks that are there already. A `request` acts once. Raises BadWorkflow, UnknownNeeds,
    KeyReused, and Conflict for a task that is another one there.
    """
    await require_resources(journal, workflow)
    entry = AuditEntry(journal.tenant, by, "add", f"workflow {workflow.name}", reason)
    new, needs = await new_items(journal, workflow), needs_of(workflow)
    sender = Sender.of(journal.tenant, TASKS)
    added = await graph_actions.add(journal, sender, new, needs, entry, request)
    return {key.removeprefix(key_of(workflow.name, "")) for key in added}

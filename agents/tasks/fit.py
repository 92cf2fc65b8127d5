"""Tasks that need more of a resource than there is: the whole workflow is refused, with each of them."""

from agents.runtime.intake.needs import AboveCapacity, capacities_for, require_fit
from agents.runtime.journal import Journal
from agents.runtime.journal.submit import Sender, known_keys
from agents.tasks.models import Workflow, key_of
from agents.tasks.read import BadWorkflow
from agents.tasks.scenario import TASKS
from agents.workflow.records import MOST_PROBLEMS, Problem


async def require_resources(journal: Journal, workflow: Workflow) -> None:
    """Raise BadWorkflow if a task needs more than there is; tasks accepted before are left out."""
    database, sender = journal.database, Sender.of(journal.tenant, TASKS)
    capacities = await capacities_for(database, TASKS, sender.tenant)
    if not capacities:
        return
    refused: dict[str, Problem] = {}
    for task in workflow.tasks:
        try:
            require_fit(TASKS, task.id, task, capacities)
        except AboveCapacity as error:
            field = f"task {task.id}: resources"
            refused[key_of(workflow.name, task.id)] = Problem(field, error.rule, None, error.reason)
    known = await known_keys(database, sender, list(refused))
    if found := [problem for key, problem in refused.items() if key not in known]:
        raise BadWorkflow(tuple(found[:MOST_PROBLEMS]))

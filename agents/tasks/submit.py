"""The tasks of a workflow as new items, and what each needs."""

from dataclasses import replace

from agents.runtime import runtime
from agents.runtime.clock import clock
from agents.runtime.journal import Journal
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.order import order_of
from agents.runtime.journal.submit import NewItem
from agents.runtime.model.forecast import Expected, Forecast
from agents.runtime.model.scenario import hash_of
from agents.runtime.scheduling.critical_path import in_steps
from agents.runtime.trace_context import new_trace
from agents.tasks.graph import declared, tails_of
from agents.tasks.models import Workflow, WorkflowTask, key_of
from agents.tasks.run_task import run_task
from agents.tasks.scenario import TASKS
from agents.workflow.records import canonical

DECLARED = "declared"  # stands for the version of the model where the file says what a task takes


async def new_items(journal: Journal, workflow: Workflow) -> list[NewItem]:
    """The tasks as new items, the longest chain of work behind a task first, which is their order.

    Where the file does not declare what a task takes, the promoted model forecasts it. Ranks follow
    this order, unless forecasts of tasks have proved wrong lately: then they follow the file.

    The precedence is when a task would begin at the latest if no task had to wait for a worker. So
    where the queue goes by forecasts, workflows that came earlier go first.
    """
    new = _accepted_as(workflow, journal.tenant)
    expected = {
        task: one.forecast.total.in_chain
        for task, one in new.items()
        if one.forecast and one.forecast.total
    }
    tails = in_steps(tails_of(workflow, expected))
    last = clock().time() + max(tails.values())
    distrusted = (await order_of(journal.database, TASKS.name)).distrusted
    order = list(new) if distrusted else sorted(new, key=lambda task: -tails[task])
    return [replace(new[task], precedence=last - tails[task]) for task in order]


def needs_of(workflow: Workflow) -> dict[str, list[str]]:
    """By the key of each task, the keys of those that it needs."""
    return {
        key_of(workflow.name, task.id): [key_of(workflow.name, needed) for needed in task.needs]
        for task in workflow.tasks
    }


def _accepted_as(workflow: Workflow, tenant: str) -> dict[str, NewItem]:
    """The items by the ids of their tasks, in the order of the file, with their forecasts."""
    tasks = [WorkflowTask(workflow=workflow.name, **dict(task)) for task in workflow.tasks]
    bodies = [canonical(task) for task in tasks]
    learned = runtime().forecaster.forecasts(TASKS, tenant, list(zip(bodies, tasks, strict=True)))
    return {
        task.id: NewItem(
            *(task.key, body, hash_of(body), new_trace(), Priority(task.priority)),
            forecast=_forecast(task, found),
        )
        for task, body, found in zip(tasks, bodies, learned, strict=True)
    }


def _forecast(task: WorkflowTask, learned: Forecast | None) -> Forecast | None:
    """What the file declares of the time, else what is learned; costs are always learned."""
    seconds = declared(task)
    if seconds is None:
        return learned
    total, costs = Expected(seconds, seconds, seconds), learned.costs if learned else {}
    return Forecast(total, {run_task.name: total}, DECLARED, seconds, costs)

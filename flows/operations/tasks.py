"""Workflows of tasks while they run: how they stand, further tasks, what is skipped or cancelled."""

from collections.abc import Sequence

from prefect import flow

from agents.runtime.context import open_runtime
from agents.runtime.journal import graph_actions
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.tasks.adding import add_to
from agents.tasks.models import key_of
from agents.tasks.read import read_workflow
from agents.tasks.scenario import TASKS
from agents.tasks.view import TaskView, is_known, tasks_of
from flows.cli.parameters import By, Reason
from flows.cli.reports import Listing, shown

MOST_SHOWN = 500


@flow(name="workflow", flow_run_name="workflow {workflow}", persist_result=False)
async def show_workflow(workflow: str) -> Listing:
    """Show the tasks of a workflow: how each stands, and what it waits for.

    Example: `uv run python -m flows.operations workflow nightly`

    Args:
        workflow: Name of the workflow.

    """
    async with open_runtime(settings()) as opened:
        found = await tasks_of(opened.journal, workflow)
    if not found:
        raise UnknownItem(TASKS.name, key_of(workflow, ""))
    return await shown("workflow", _listing(workflow, found))


@flow(name="skip", flow_run_name="skip {key}", persist_result=False)
async def skip(key: str, by: By, reason: Reason, branch: bool = False) -> Listing:  # noqa: FBT001, FBT002 - an option
    """Skip a task that no process works on: what needs it goes on as if it were done.

    Example: `uv run python -m flows.operations skip nightly/plot --by ann --reason "not needed today"`

    Args:
        key: The task, as <workflow>/<task>.
        by: Your name, kept in the task's history.
        reason: Why you skip it, kept in the task's history.
        branch: Also skip what needs nothing but this task and others that are skipped.

    """
    action = OperatorAction(TASKS.name, key, by, reason)
    async with open_runtime(settings()) as opened:
        skipped = await graph_actions.skip(opened.journal, action, branch=branch)
    await _wake()
    return await shown("skip", Listing(title=f"skipped: {len(skipped)} tasks", lines=skipped))


@flow(name="cancel-workflow", flow_run_name="cancel workflow {workflow}", persist_result=False)
async def cancel_workflow(workflow: str, by: By, reason: Reason) -> Listing:
    """Cancel all tasks of a workflow that have not ended; running ones stop within a second or two.

    Example: `uv run python -m flows.operations cancel-workflow nightly --by ann --reason "wrong data"`

    Args:
        workflow: Name of the workflow.
        by: Your name, kept in the history of its tasks.
        reason: Why you cancel it, kept in the history of its tasks.

    """
    action = OperatorAction(TASKS.name, key_of(workflow, ""), by, reason)
    async with open_runtime(settings()) as opened:
        if not await is_known(opened.journal, workflow):
            raise UnknownItem(TASKS.name, action.key)
        done = await graph_actions.cancel_group(opened.journal, action)
    await _wake()
    table = [{"tasks": word, "number": f"{count:,}"} for word, count in done.items()]
    return await shown("cancel-workflow", Listing(title=f"cancelled {workflow}", table=table))


@flow(name="add-tasks", flow_run_name="add tasks of {file}", persist_result=False)
async def add_tasks(file: str, by: By, reason: Reason) -> Listing:
    """Add the tasks of a file to the workflow that it names, also while that runs.

    They may need tasks of the workflow that are done, run or wait. One that needs a failed task is
    cancelled at once.

    Example: `uv run python -m flows.operations add-tasks --file more.yaml --by ann --reason "one more plot"`

    Args:
        file: YAML or JSON file with the workflow's name and the tasks to add.
        by: Your name, kept in the audit log.
        reason: Why you add them, kept in the audit log.

    """
    async with open_runtime(settings()) as opened:
        workflow = read_workflow(file, open_needs=True)
        added = await add_to(opened.journal, workflow, by, reason)
        found = await tasks_of(opened.journal, workflow.name)
    await _wake()
    listing = _listing(workflow.name, [task for task in found if task.id in added])
    listing.title = f"added {len(added)} tasks to {workflow.name}"
    return await shown("add-tasks", listing)


def _listing(name: str, tasks: Sequence[TaskView]) -> Listing:
    table = [
        {"task": task.id, "state": task.word, "waits for, or why": task.reason}
        for task in tasks[:MOST_SHOWN]
    ]
    hidden = len(tasks) - len(table)
    more = [f"and {hidden:,} more tasks"] if hidden else []
    return Listing(title=f"{name}: {len(tasks):,} tasks", table=table, lines=more)


async def _wake() -> None:
    """Wake consumers, since tasks may be ready now."""
    async with signals(settings()) as consumers:
        await consumers.wake(TASKS.name)

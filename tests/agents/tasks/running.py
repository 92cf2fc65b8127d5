"""Runs of workflows in tests, without Prefect, and what the journal has of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.runtime.context import open_runtime
from agents.runtime.journal.schema import history, items
from agents.runtime.settings import settings
from agents.tasks.models import Workflow
from agents.tasks.read import check
from agents.tasks.report import WorkflowReport
from agents.tasks.run import open_run
from agents.tasks.view import TaskView, tasks_of
from flows.workflow_file import run_tasks
from tests.agents.runtime.jobs import rows


def workflow_of(needs: Mapping[str, Sequence[str]], name: str = "w", **more: Any) -> Workflow:
    """A workflow of tasks that take no time."""
    return check(
        {"name": name, "tasks": [{"id": k, "needs": [*v], **more} for k, v in needs.items()]}
    )


async def run(workflow: Workflow, workers: int = 4, size: int = 1) -> WorkflowReport:
    async with open_run(workflow) as opened:
        await opened.accept()
        await opened.work(run_tasks, workers, size)
        return await opened.report()


async def stand(name: str = "w") -> dict[str, TaskView]:
    """How the tasks of a workflow stand."""
    async with open_runtime(settings()) as opened:
        return {task.id: task for task in await tasks_of(opened.journal, name)}


async def words(name: str = "w") -> dict[str, str]:
    return {key: task.word for key, task in (await stand(name)).items()}


async def claims() -> list[str]:
    """The keys of tasks in the order in which they were claimed for the first time."""
    async with open_runtime(settings()):
        keys = {row.id: row.key for row in await rows(items)}
        found = sorted(await rows(history), key=lambda row: (row.at, row.sequence))
    return list(dict.fromkeys(keys[row.item] for row in found if row.event == "claim"))

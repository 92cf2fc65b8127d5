"""Workflows from files: each task begins when those that it needs are done, as many at once as there are workers."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime import Batch, saga
from agents.tasks.read import read_workflow
from agents.tasks.report import WorkflowReport
from agents.tasks.run import open_run
from agents.tasks.run_task import run_task
from flows.cli.commands import command
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS

Workers = Annotated[int, Field(ge=1, le=64)]
BatchSize = Annotated[int, Field(ge=1, le=256)]
Scale = Annotated[float, Field(gt=0, le=1_000)]


@flow(name="workflow-file", flow_run_name="workflow-file: {workflow}", persist_result=False)
async def run_workflow(
    workflow: str,
    workers: Workers = 4,
    batch_size: BatchSize = 1,
    scale: Scale = 1.0,
    name: str | None = None,
) -> WorkflowReport:
    """Run the tasks of a workflow, each after those that it needs.

    Run the same file again and what is done stays done; a file with further tasks adds them.

    Example: `uv run python -m flows.workflow_file --workflow nightly.yaml --workers 8`

    Args:
        workflow: YAML or JSON file with a name and tasks (agents/tasks/README.md), or a recorded
            workflow in WfFormat.
        workers: Batches of tasks in work at once, 1 to 64.
        batch_size: Tasks in a batch, 1 to 256. What needs a task begins when its batch has ended.
        scale: Factor for all durations; 0.01 replays a recorded workflow a hundred times as fast.
        name: Name of the workflow instead of that in the file; under another name it runs again.

    """
    async with open_run(read_workflow(workflow, scale=scale, name=name)) as run:
        await run.accept()
        await run.work(WORKFLOWS["tasks"].run, workers, batch_size)
        return await run.report()


@flow(name="enqueue-workflow", flow_run_name="enqueue-workflow: {workflow}", persist_result=False)
async def enqueue_workflow(workflow: str, scale: Scale = 1.0, name: str | None = None) -> Listing:
    """Put the tasks of a workflow into the queue, for consumers to run.

    Example: `uv run python -m flows.workflow_file --enqueue nightly.yaml`

    Args:
        workflow: YAML or JSON file with a name and tasks (agents/tasks/README.md), or a recorded
            workflow in WfFormat.
        scale: Factor for all durations; 0.01 replays a recorded workflow a hundred times as fast.
        name: Name of the workflow instead of that in the file; under another name it runs again.

    """
    async with open_run(read_workflow(workflow, scale=scale, name=name)) as run:
        await run.accept()
        await run.wake()
        report = await run.report()
    return Listing(title=f"enqueued {run.workflow.name}", table=report.rows(), lines=report.notes())


async def run_tasks(batch: Batch) -> None:
    """The one step of every task."""
    async with saga(batch):
        await run_task(batch)


if __name__ == "__main__":
    command(run_workflow, {"--enqueue": enqueue_workflow})

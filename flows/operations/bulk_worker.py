"""A bulk worker: the process that works beside a long run over a file. Its task runs are those of the run.

The run starts it as `python -m flows.operations.bulk_worker SCENARIO RUN FAULTS NUMBER DESCRIPTOR`.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from uuid import UUID

from prefect import Flow
from prefect.context import AsyncClientContext, FlowRunContext
from prefect.results import ResultStore
from prefect.settings import get_current_settings
from prefect.task_runners import ThreadPoolTaskRunner

from agents.runtime.context import open_runtime
from agents.runtime.execution.rolling import rolling
from agents.runtime.intake.bulk_workers import WorkerCommand, bulk_workers, work_for_run
from agents.runtime.intake.intake import Intake
from agents.runtime.run_context import flow_run_context
from agents.runtime.settings import settings
from agents.runtime.shutdown import Stopped
from agents.services import connect_services
from flows.workflows import WORKFLOWS

LOG = "bulk-worker.log"


def workers_beside(intake: Intake, faults: str = "") -> AbstractAsyncContextManager[None]:
    """Within the block bulk workers take some of the intake's records, if the run is long.

    `faults` is the script of the run's sandbox.
    """
    context = flow_run_context()
    run = str(context.flow_run.id) if context is not None and context.flow_run is not None else ""
    given = get_current_settings().to_environment_variables(exclude_unset=True)
    command = WorkerCommand(
        "flows.operations.bulk_worker",
        (intake.scenario.name, run, faults),
        {**os.environ, **given},
        settings().data / LOG,
    )
    return bulk_workers(intake, command)


async def work(scenario: str, run: str, faults: str, number: str, descriptor: str) -> None:
    """Work until the run closes the connection, or this process is asked to stop."""
    workflow = WORKFLOWS[scenario]
    workflow.load()
    with socket.socket(fileno=int(descriptor)) as connection, suppress(Stopped):
        async with (
            _within(run),
            open_runtime(settings()),
            connect_services(settings(), faults),
            rolling(f"all-steps: {scenario}, process {number}", workflow.run) as process,
        ):
            await work_for_run(connection, workflow.scenario, process)


@asynccontextmanager
async def _within(run: str) -> AsyncIterator[None]:
    """Within the block this process is part of the flow run with this id; of none if it is empty.

    Prefect's own `hydrated_context` does the same with a pickled flow, for which it needs the caller's main module.
    """
    if not run:
        yield
        return
    # One client for all task runs: each would make its own, with its own TLS context.
    async with AsyncClientContext.get_or_create() as shared:
        client = shared.client
        flow_run = await client.read_flow_run(UUID(run))
        flow = await client.read_flow(flow_run.flow_id)
        context = FlowRunContext(
            flow=Flow(work, name=flow.name),
            flow_run=flow_run,
            client=client,
            task_runner=ThreadPoolTaskRunner(),
            result_store=ResultStore(),
            persist_result=False,
            detached=True,  # its task runs have keys that no other process can choose
        )
        with context:
            yield


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))

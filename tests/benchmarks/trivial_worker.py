"""The bulk worker of a run of trivial orders: as of any other run, with their workflow in the registry."""

import asyncio
import os
import sys
from contextlib import AbstractAsyncContextManager
from typing import cast

from agents.runtime.intake.bulk_workers import WorkerCommand, bulk_workers
from agents.runtime.intake.intake import Intake
from agents.runtime.run_context import flow_run_id
from agents.runtime.settings import settings
from flows.operations.bulk_worker import LOG, work
from flows.workflows import WORKFLOWS, Workflow

NAME = "trivial"


def workers_beside(intake: Intake) -> AbstractAsyncContextManager[None]:
    """As `flows.operations.bulk_worker` has them for the scenarios of the project."""
    arguments = (intake.scenario.name, flow_run_id() or "", "")
    command = WorkerCommand(
        "tests.benchmarks.trivial_worker", arguments, dict(os.environ), settings().data / LOG
    )
    return bulk_workers(intake, command)


if __name__ == "__main__":
    workflow = Workflow("tests.benchmarks.trivial:TRIVIAL", "tests.benchmarks.trivial:fulfil")
    cast("dict[str, Workflow]", WORKFLOWS)[NAME] = workflow
    asyncio.run(work(*sys.argv[1:]))

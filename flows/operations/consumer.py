"""A consumer: a long flow run that processes what waits in the queue of a scenario.

Run it with `python -m flows.operations.consumer`, or by its deployment on a work pool.
`flows.operations.serving` runs several on one machine.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import deployment, flow_run
from pydantic import Field
from sqlalchemy import select

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.rolling import rolling
from agents.runtime.intake.consumer import POLL_SECONDS, Consumer, ConsumerOptions
from agents.runtime.journal import Journal
from agents.runtime.journal.schema import owners
from agents.runtime.model.batch import ProcessBatch
from agents.runtime.prefect_ui import publish_table
from agents.runtime.recovery.versions import watching
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.runtime.telemetry import get_logger
from agents.services import connect_services
from flows.cli.commands import command
from flows.cli.parameters import ScenarioName
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS

log = get_logger(__name__)

FEW = 8  # items whose steps share a task run: a task run costs more than they do
MILLISECONDS = 1_000.0
SUCCESSOR_SECONDS = 600.0  # for a worker to start the next run
SERVER_SECONDS = 10.0  # for an answer of the Prefect server


class Consumed(Listing):
    """What a consumer's run did; `full` if it ended after its number of batches."""

    full: bool = False


@flow(name="consumer", flow_run_name="consumer of {scenario}", persist_result=False)
async def consume(  # noqa: PLR0913 - each is set by people
    scenario: ScenarioName = "orders",
    batch_size: Annotated[int, Field(ge=1, le=512)] = 256,
    batch_seconds: Annotated[float, Field(gt=0)] = 30.0,
    linger_ms: Annotated[int, Field(ge=0, le=10_000)] = 0,
    at_once: Annotated[int, Field(ge=1, le=16)] = 2,
    batches: Annotated[int, Field(ge=1, le=10_000)] = 50,
    idle_seconds: Annotated[float, Field(ge=0)] | None = None,
    major: Annotated[int, Field(ge=1, le=1_000)] | None = None,
) -> Consumed:
    """Process what waits in a queue; after a number of batches a fresh run takes over.

    Example: `uv run python -m flows.operations.consumer --scenario orders --idle-seconds 60`

    Args:
        scenario: Scenario whose queue is processed.
        batch_size: Items in a batch at most, 1 to 512.
        batch_seconds: Seconds that a batch should take at most, by forecast.
        linger_ms: Milliseconds to wait for more items when a batch is not full.
        at_once: Batches in work at once.
        batches: Batches after which the run ends and the next run takes over.
        idle_seconds: Seconds without work after which the run ends; without it, it never does.
        major: Major version whose items are processed; without it, all that this code has.

    """
    options = ConsumerOptions(
        batch_size, linger_ms / MILLISECONDS, at_once, batches, idle_seconds, batch_seconds
    )
    async with (
        open_runtime(settings()) as opened,
        connect_services(settings()),
        signals(settings()) as woken,
        task_runs(scenario, ahead=True) as process,
    ):
        workflow = WORKFLOWS[scenario]
        workflow.load()  # first: each agent reads its own facts of an item
        consumer = Consumer(
            workflow.scenario,
            process,
            lambda seconds: woken.wait(scenario, seconds),
            options,
            wake=lambda: woken.wake(scenario),
            major=major,
        )
        async with watching(opened.journal, workflow.scenario):
            await consumer.consume()
            if consumer.is_full:
                await hand_over(opened, consumer)
        return await _report(scenario, consumer, full=consumer.is_full and not opened.stop.asked)


def task_runs(scenario: str, *, ahead: bool = False) -> AbstractAsyncContextManager[ProcessBatch]:
    """What processes batches of the scenario; the steps of quick ones share task runs.

    With `ahead` the next task run begins before it is needed. The journal has every step as usual, and
    the state of a shared run says how many items took which.
    """
    name = f"all-steps: {scenario}"
    return rolling(name, WORKFLOWS[scenario].run, few=FEW, ahead=ahead)


async def hand_over(here: Runtime, consumer: Consumer) -> None:
    """Start the next run of a deployment, and work until that run works too.

    A next run that ended before it worked, or that the server could not start, is started again.
    Without a deployment, the process that started this run starts the next one.
    """
    if deployment.id is None:
        return
    successor: UUID | None = None
    until = time.monotonic() + SUCCESSOR_SECONDS
    while not here.stop.asked and time.monotonic() < until:
        if successor is None or await _has_ended(successor):
            successor = await _start_next(UUID(deployment.id))
        consumer.options = replace(consumer.options, batches=consumer.taken + 1, idle=POLL_SECONDS)
        await consumer.consume()
        if successor is not None and await _lives(here.journal, successor):
            return
    if not here.stop.asked:
        log.error("no next run has begun to work", waited=SUCCESSOR_SECONDS, run=str(successor))


async def _start_next(deployment_id: UUID) -> UUID | None:
    """The id of the next run; None if the server does not create it now."""
    try:
        async with asyncio.timeout(SERVER_SECONDS), get_client() as client:
            parameters = flow_run.parameters
            run = await client.create_flow_run_from_deployment(deployment_id, parameters=parameters)
    except Exception as error:  # noqa: BLE001 - whatever the server answers, this run works on
        log.warning("the next run is not created yet", reason=str(error) or type(error).__name__)
        return None
    return run.id


async def _has_ended(run: UUID) -> bool:
    """Whether the run has ended; False if the server does not say it now."""
    try:
        async with asyncio.timeout(SERVER_SECONDS), get_client() as client:
            state = (await client.read_flow_run(run)).state
    except ObjectNotFound:
        return True
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("the next run is not known now", reason=str(error) or type(error).__name__)
        return False
    return state is not None and state.is_final()


async def _lives(journal: Journal, run: UUID) -> bool:
    async with journal.database.read() as connection:
        found = await connection.scalar(select(owners.c.id).where(owners.c.flow_run == str(run)))
    return found is not None


async def _report(scenario: str, consumer: Consumer, *, full: bool) -> Consumed:
    """Every step with its results, and the outcomes of the items."""
    steps, outcomes = consumer.stats.steps, consumer.stats.outcomes
    kinds = sorted({kind for counted in steps.values() for kind in counted})
    table = [
        {"step": agent, **{kind: f"{counted[kind]:,}" for kind in kinds}}
        for agent, counted in steps.items()
    ]
    ends = [f"{word}: {count:,}" for word, count in outcomes.items()]
    title = f"{outcomes.total():,} items of {scenario} in {consumer.taken:,} batches"
    await publish_table(f"consumer-{scenario}", table, "; ".join([title, *ends]))
    return Consumed(title=title, table=table, lines=ends, full=full)


if __name__ == "__main__":
    command(consume, again=lambda report: report.full)

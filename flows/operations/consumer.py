"""The consumer: a resident run that takes what waits in a scenario's queue through its story.

Run it with `python -m flows.operations.consumer`, or by its deployment on a work pool; `flows.operations.serving` keeps
as many on this machine as the backlog asks for.
"""

import time
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import deployment, flow_run
from pydantic import Field
from sqlalchemy import select

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.intake.consumer import POLL_SECONDS, Consumer, ConsumerOptions
from agents.runtime.journal import Journal
from agents.runtime.journal.schema import owners
from agents.runtime.model.batch import Batch
from agents.runtime.prefect_ui import in_flow_run, publish_table
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.commands import command
from flows.cli.parameters import ScenarioName
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS

FEW = 8  # items that go through all stages in one task run: a task run costs more than they do
MILLISECONDS = 1_000.0
PATIENCE = 600.0  # seconds for a worker to start the successor


class Consumed(Listing):
    """What a run of a consumer did; `full` if a fresh run should follow."""

    full: bool = False


@flow(name="consumer", persist_result=False)
async def consume(  # noqa: PLR0913 - each is a knob that people turn
    scenario: ScenarioName = "orders",
    batch_size: Annotated[int, Field(ge=1, le=512)] = 256,
    linger_ms: Annotated[int, Field(ge=0, le=10_000)] = 0,
    at_once: Annotated[int, Field(ge=1, le=16)] = 2,
    batches: Annotated[int, Field(ge=1, le=10_000)] = 50,
    idle_seconds: Annotated[float, Field(ge=0)] | None = None,
) -> Consumed:
    """Take what waits in a queue through its story; a fresh run follows after so many batches.

    Args:
        scenario: Whose queue.
        batch_size: How many items travel together at most, 1 to 512.
        linger_ms: How long a batch that is not full is filled, in milliseconds.
        at_once: How many batches are on their way at once.
        batches: After so many batches the run ends, and a deployed one starts its successor.
        idle_seconds: End when nothing came for so long; without it the run stays.

    """
    options = ConsumerOptions(batch_size, linger_ms / MILLISECONDS, at_once, batches, idle_seconds)
    async with (
        open_runtime(settings()) as opened,
        connect_services(settings()),
        signals(settings()) as woken,
    ):
        workflow = WORKFLOWS[scenario]
        _ = workflow.process  # load the agents first: each reads its own facts of an item
        consumer = Consumer(
            workflow.scenario,
            lambda batch: run_batch(scenario, batch),
            lambda seconds: woken.wait(scenario, seconds),
            options,
        )
        await consumer.consume()
        if consumer.is_full:
            await _hand_over(opened, consumer)
        return await _told(scenario, consumer, full=consumer.is_full and not opened.stop.asked)


@task(
    name="stages-together",
    task_run_name="stages-together: {batch}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def together(scenario: str, batch: Batch) -> None:
    """All stages of a few items in one task run; the journal has every stage as always."""
    await WORKFLOWS[scenario].process(batch)


async def run_batch(scenario: str, batch: Batch) -> None:
    """Take a batch through its story: few items in one task run, where latency counts."""
    if 0 < batch.count <= FEW and in_flow_run():
        await together(scenario, batch)
    else:
        await WORKFLOWS[scenario].process(batch)


async def _hand_over(here: Runtime, consumer: Consumer) -> None:
    """Start the successor of a deployed run, and go on until it has a heartbeat of its own.

    Without a deployment whoever started this run starts the next.
    """
    if deployment.id is None:
        return
    async with get_client() as client:
        successor = await client.create_flow_run_from_deployment(
            UUID(deployment.id), parameters=flow_run.parameters
        )
    until = time.monotonic() + PATIENCE
    while not here.stop.asked and time.monotonic() < until:
        consumer.options = replace(consumer.options, batches=consumer.taken + 1, idle=POLL_SECONDS)
        await consumer.consume()
        if await _lives(here.journal, successor.id):
            return


async def _lives(journal: Journal, run: UUID) -> bool:
    async with journal.database.read() as connection:
        found = await connection.scalar(select(owners.c.id).where(owners.c.flow_run == str(run)))
    return found is not None


async def _told(scenario: str, consumer: Consumer, *, full: bool) -> Consumed:
    """Every stage with what came out of it, and how the items ended."""
    steps, outcomes = consumer.stats.steps, consumer.stats.outcomes
    kinds = sorted({kind for counted in steps.values() for kind in counted})
    table = [
        {"stage": agent, **{kind: f"{counted[kind]:,}" for kind in kinds}}
        for agent, counted in steps.items()
    ]
    ends = [f"{word}: {count:,}" for word, count in outcomes.items()]
    title = f"{outcomes.total():,} items of {scenario} in {consumer.taken:,} batches"
    await publish_table(f"consumer-{scenario}", table, "; ".join([title, *ends]))
    return Consumed(title=title, table=table, lines=ends, full=full)


if __name__ == "__main__":
    command(consume, again=lambda report: report.full)

"""Consumers of several queues in one process, for queues that seldom have work.

Run it with `python -m flows.operations.consumers`. Each queue has its own claims and batches; what one
consumer raises ends all, and what they hold is handed back.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import MissingExtra
from agents.runtime.intake.consumer import POLL_SECONDS, Consumer, ConsumerOptions
from agents.runtime.model.batch import ProcessBatch
from agents.runtime.recovery.versions import watching
from agents.runtime.redis.signals import Signals, signals
from agents.runtime.settings import settings
from agents.runtime.telemetry import get_logger
from agents.services import connect_services
from flows.cli.commands import command
from flows.cli.parameters import ScenarioName
from flows.operations.consumer import Consumed, hand_over, task_runs
from flows.workflows import WORKFLOWS

log = get_logger(__name__)

TURN_SECONDS = 0.25  # between two looks for turns: a customer waits for the reply


@flow(name="consumers", flow_run_name="consumers of several queues", persist_result=False)
async def consume_several(
    without: list[ScenarioName] | None = None,
    batches: Annotated[int, Field(ge=1, le=10_000)] = 50,
    idle_seconds: Annotated[float, Field(ge=0)] | None = None,
) -> Consumed:
    """Process what waits in all queues but some; after a number of batches a fresh run takes over.

    Queues whose packages are not installed are left alone, and named.

    Example: `uv run python -m flows.operations.consumers --without orders --idle-seconds 60`

    Args:
        without: Scenarios whose queues are left to other consumers.
        batches: Batches of one queue after which the run ends and the next run takes over.
        idle_seconds: Seconds without work after which a queue is left; without it, none is.

    """
    missing = load_workflows()
    served = [name for name in WORKFLOWS if name not in {*(without or ()), *missing}]
    options = ConsumerOptions(at_once=1, batches=batches, idle=idle_seconds)
    async with (
        open_runtime(settings()) as opened,
        connect_services(settings()),
        signals(settings()) as woken,
        AsyncExitStack() as stack,
    ):
        consumers = {
            name: consumer_of(
                name, woken, options, await stack.enter_async_context(task_runs(name))
            )
            for name in served
        }
        async with asyncio.TaskGroup() as group:
            for name in served:
                group.create_task(_consume(opened, name, consumers))
        if full := [one for one in consumers.values() if one.is_full]:
            await hand_over(
                opened, full[0]
            )  # it has the most work; the others wait for the next run
    return _report(consumers, missing)


def load_workflows(names: Iterable[str] = WORKFLOWS) -> dict[str, str]:
    """Load the agents of these workflows; returns those whose packages are not installed, with the extra."""
    missing = {}
    for name in names:
        try:
            WORKFLOWS[name].load()
        except MissingExtra as error:
            missing[name] = error.extra
    return missing


def consumer_of(
    scenario: str, woken: Signals, options: ConsumerOptions, process: ProcessBatch
) -> Consumer:
    """A consumer of the scenario's queue, which a signal wakes."""
    look = TURN_SECONDS if scenario == "turns" else POLL_SECONDS
    return Consumer(
        WORKFLOWS[scenario].scenario,
        process,
        lambda seconds: woken.wait(scenario, min(seconds, look)),
        options,
        wake=lambda: woken.wake(scenario),
    )


async def _consume(opened: Runtime, name: str, consumers: dict[str, Consumer]) -> None:
    consumer = consumers[name]
    async with watching(opened.journal, consumer.scenario):
        await consumer.consume()
    if consumer.is_full:  # the others end when they have nothing to do for a moment
        for other in consumers.values():
            other.options = replace(other.options, idle=POLL_SECONDS)


def _report(consumers: dict[str, Consumer], missing: dict[str, str]) -> Consumed:
    full = any(consumer.is_full for consumer in consumers.values())
    table = [
        {"queue": name, "items": f"{one.stats.outcomes.total():,}", "batches": f"{one.taken:,}"}
        for name, one in consumers.items()
        if one.taken
    ]
    lines = [f"not processed here: {name}: {MissingExtra(of)}" for name, of in missing.items()]
    total = sum(one.stats.outcomes.total() for one in consumers.values())
    return Consumed(
        title=f"{total:,} items of {len(consumers)} queues", table=table, lines=lines, full=full
    )


if __name__ == "__main__":
    command(consume_several, again=lambda report: report.full)

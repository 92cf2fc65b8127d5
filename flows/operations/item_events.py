"""Item events: a long flow run that serves what workflows subscribe to and answer on the bus.

It sends the notices of ended items whose own run was killed before it could, starts items of workflows
that subscribe to events of other scenarios, and answers their questions.

Run it with `python -m flows.operations.item_events`, or by its deployment.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import Agent
from agents.runtime.journal import Journal
from agents.runtime.journal.item_events import ItemEnded, ended
from agents.runtime.messaging import Delivery, Subscription, open_bus, subscribe
from agents.runtime.model.batch import RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.recovery import send_notices
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.commands import command
from flows.cli.reports import Listing
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS, Workflow

HOUR = 3600.0


@flow(name="item-events", flow_run_name="item-events for {for_seconds} s", persist_result=False)
async def hear_item_events(for_seconds: Annotated[float, Field(gt=0)] = HOUR) -> Listing:
    """Handle the events of ended items, and answer questions, for all workflows.

    Example: `uv run python -m flows.operations.item_events --for-seconds 600`

    Args:
        for_seconds: Seconds after which the run ends; the next run continues where it stopped.

    """
    stats = RunStats()
    async with (
        open_runtime(settings()) as opened,
        connect_services(settings()),
        open_bus(settings()) as bus,
    ):
        subscriptions = [
            one
            for workflow in WORKFLOWS.values()
            for one in _subscriptions(opened.journal, workflow, stats)
        ]
        serving = asyncio.create_task(bus.serve(subscriptions))
        stopping = asyncio.create_task(opened.stop.wait(for_seconds))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)
    lines = [f"{word}: {count:,}" for word, count in stats.outcomes.items()]
    return Listing(title=f"{stats.done:,} ended items", lines=lines)


def _subscriptions(journal: Journal, workflow: Workflow, stats: RunStats) -> Iterator[Subscription]:
    if (notify := workflow.notifier()) is not None:
        yield notifications(journal, workflow.scenario, notify, stats)
    for subscription in workflow.subscriptions:
        yield starting(workflow, subscription, stats)
    yield from workflow.answers


def starting(workflow: Workflow, subscription: Subscription, stats: RunStats) -> Subscription:
    """The group whose events start items of the workflow, which are taken through all steps here."""

    async def start(event: Any, delivery: Delivery) -> None:
        accepted = await subscription.handler(event, delivery)
        await finish(workflow, [accepted.row.id], stats)

    return replace(subscription, handler=start)


def notifications(
    journal: Journal, scenario: Scenario, notify: Agent[..., Any], stats: RunStats
) -> Subscription:
    """The subscription that sends unsent notices of ended items, each at most once."""

    @subscribe(ended(scenario.name), group="notifications")
    async def send(event: ItemEnded, _delivery: Delivery) -> None:
        await send_notices(journal, scenario, notify, [event.item])
        stats.count(event.outcome)

    return send


if __name__ == "__main__":
    command(hear_item_events)

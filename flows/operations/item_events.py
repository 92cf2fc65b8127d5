"""Item events: a long flow run that subscribes to the ends of items and sends their notices.

Customers get their message even if the process that shipped their order was killed before it could
send it. Run it with `python -m flows.operations.item_events`, or by its deployment.
"""

import asyncio
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
from agents.runtime.recovery.recovery import deliver
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.commands import command
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS

HOUR = 3600.0


@flow(name="item-events", persist_result=False)
async def hear_item_events(for_seconds: Annotated[float, Field(gt=0)] = HOUR) -> Listing:
    """Subscribe to the ends of items and send the notices that their own run has not sent.

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
            notifications(opened.journal, workflow.scenario, notify, stats)
            for workflow in WORKFLOWS.values()
            if (notify := workflow.notifier()) is not None
        ]
        serving = asyncio.create_task(bus.serve(subscriptions))
        stopping = asyncio.create_task(opened.stop.wait(for_seconds))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)
    lines = [f"{word}: {count:,}" for word, count in stats.outcomes.items()]
    return Listing(title=f"{stats.done:,} ended items", lines=lines)


def notifications(
    journal: Journal, scenario: Scenario, notify: Agent[..., Any], stats: RunStats
) -> Subscription:
    """The subscription that sends unsent notices of ended items, each at most once."""

    @subscribe(ended(scenario.name), group="notifications")
    async def send(event: ItemEnded, _delivery: Delivery) -> None:
        await deliver(journal, scenario, notify, [event.item])
        stats.count(event.outcome)

    return send


if __name__ == "__main__":
    command(hear_item_events)

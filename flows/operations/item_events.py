"""Following: a resident run that hears what ended from the bus, and lets follow what should.

Now that is one thing: customers are told, also if the process that shipped their order died before
it could. Run it with `python -m flows.operations.item_events`, or by its deployment.
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
from agents.runtime.recovery.recovery import send_notices
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.commands import command
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS

HOUR = 3600.0


@flow(name="item-events", persist_result=False)
async def hear_item_events(for_seconds: Annotated[float, Field(gt=0)] = HOUR) -> Listing:
    """Hear which items end, and send the messages of those whose own run has not.

    Args:
        for_seconds: The run ends after so long, and the next one goes on where it stopped.

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
    return Listing(title=f"heard of {stats.done:,} items that ended", lines=lines)


def notifications(
    journal: Journal, scenario: Scenario, notify: Agent[..., Any], stats: RunStats
) -> Subscription:
    """The group that sends what an ended item's own run has left unsent: at most once, as always."""

    @subscribe(ended(scenario.name), group="notifications")
    async def tell(heard: ItemEnded, _delivery: Delivery) -> None:
        await send_notices(journal, scenario, notify, [heard.item])
        stats.count(heard.outcome)

    return tell


if __name__ == "__main__":
    command(hear_item_events)

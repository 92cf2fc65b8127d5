"""Taking items on where another process or a person left them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from agents.runtime.context import open_runtime, runtime
from agents.runtime.intake.intake import Intake
from agents.runtime.journal import Journal
from agents.runtime.journal.claims import unfinished
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.journal.queries import item_history
from agents.runtime.model.batch import RunStats
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS, Workflow

BATCH = 256


async def act_and_resume(
    action: OperatorAction, deed: Callable[[Journal], Awaitable[Any]]
) -> Listing:
    """Do it, then take the item through its story, so that its end can be told."""
    async with open_runtime(settings()) as opened, connect_services(settings()):
        await deed(opened.journal)
        told = await item_history(opened.journal, action.scenario, action.key)
        if told is not None:
            await finish(WORKFLOWS[action.scenario], [told.item.id])
        told = await item_history(opened.journal, action.scenario, action.key)
    if told is None:
        raise UnknownItem(action.scenario, action.key)
    return Listing(title=f"{action.scenario} {action.key}: {told.item.outcome or told.item.state}")


async def finish(
    workflow: Workflow, ids: Sequence[int] | None = None, stats: RunStats | None = None
) -> RunStats:
    """Take unfinished items through their story, in whatever process this is."""
    stats, scenario, journal = stats or RunStats(), workflow.scenario, runtime().journal
    if ids is None:
        ids = await unfinished(journal.database, journal.tenant, scenario.name)
    if not ids:
        return stats  # without loading the agents
    process = workflow.process  # load the agents first: each reads its own facts of an item
    async for batch in Intake(scenario, stats, reject=lambda _: None).resumed(BATCH, ids):
        await process(batch)
    return stats

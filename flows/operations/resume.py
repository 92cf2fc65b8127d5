"""Takes up items where another process or a person left them."""

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
    action: OperatorAction, change: Callable[[Journal], Awaitable[Any]]
) -> Listing:
    """Apply an operator's change, then process the item as far as it goes.

    Returns the item's outcome, or its state if it has not ended. Raises what `change` raises, and
    UnknownItem.
    """
    async with open_runtime(settings()) as opened, connect_services(settings()):
        await change(opened.journal)
        found = await item_history(opened.journal, action.scenario, action.key)
        if found is not None:
            await finish(WORKFLOWS[action.scenario], [found.item.id])
        found = await item_history(opened.journal, action.scenario, action.key)
    if found is None:
        raise UnknownItem(action.scenario, action.key)
    outcome = found.item.outcome or found.item.state
    return Listing(title=f"{action.scenario} {action.key}: {outcome}")


async def finish(
    workflow: Workflow, ids: Sequence[int] | None = None, stats: RunStats | None = None
) -> RunStats:
    """Process unfinished items of a workflow that no living process holds.

    Args:
        workflow: The workflow of the items.
        ids: Only these items; without them, all.
        stats: Counts the outcomes and is returned; a fresh one by default.

    """
    stats, scenario, journal = stats or RunStats(), workflow.scenario, runtime().journal
    if ids is None:
        ids = await unfinished(journal.database, journal.tenant, scenario)
    if not ids:
        return stats  # without loading the agents
    workflow.load()  # first: each agent reads its own facts of an item
    async for batch in Intake(scenario, stats, reject=lambda _: None).resumed(BATCH, ids):
        await workflow.run(batch)
    return stats

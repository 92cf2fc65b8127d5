"""Which story finishes the items of which scenario, for whatever takes up work that others began."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.analysis.scenario import PARTITIONS
from agents.orders.compare import differences
from agents.orders.notify_customer import notify_customer
from agents.orders.scenario import CHANGES, ORDERS
from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import Agent
from agents.runtime.intake.intake import Intake
from agents.runtime.journal import Journal
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.journal.queries import ItemHistory, item_history
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.reconciliation import Difference, JournalView
from agents.runtime.redaction import redacted
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.support.handover import HANDOVERS
from agents.support.scenario import TURNS
from flows.listings import Listing
from flows.order_processing import amend, fulfil

BATCH = 256


@dataclass(frozen=True, slots=True)
class Story:
    """A scenario: what finishes its items, and, where it has them, sends its messages and compares it."""

    scenario: Scenario
    fulfil: Callable[[Batch], Awaitable[None]]
    notify: Agent[..., Any] | None
    differences: Callable[[JournalView], AsyncIterator[Difference]] | None


async def _answer(batch: Batch) -> None:
    from flows.conversation import answer  # noqa: PLC0415 - scikit-learn: the same

    await answer(batch)


async def _hand_back(batch: Batch) -> None:
    from flows.conversation import hand_back  # noqa: PLC0415 - the same

    await hand_back(batch)


async def _prepare(batch: Batch) -> None:
    from flows.data_analysis import prepare  # noqa: PLC0415 - pandas: a second that orders do not pay

    await prepare(batch)


STORIES: Mapping[str, Story] = {
    "orders": Story(ORDERS, fulfil, notify_customer, differences),
    "partitions": Story(PARTITIONS, _prepare, notify=None, differences=None),
    "changes": Story(CHANGES, amend, notify=None, differences=None),
    "handovers": Story(HANDOVERS, _hand_back, notify=None, differences=None),
    "turns": Story(TURNS, _answer, notify=None, differences=None),
}


async def see_through(action: OperatorAction, deed: Callable[[Journal], Awaitable[Any]]) -> Listing:
    """Do it, then take the item through its story, so that its end can be told."""
    async with open_runtime(settings()) as opened, connect_services(settings()):
        await deed(opened.journal)
        told = await item_history(opened.journal, action.scenario, action.key)
        if told is not None:
            await finish(STORIES[action.scenario], [told.item.id])
        told = await item_history(opened.journal, action.scenario, action.key)
    if told is None:
        raise UnknownItem(action.scenario, action.key)
    return Listing(title=f"{action.scenario} {action.key}: {told.item.outcome or told.item.state}")


async def finish(
    story: Story, ids: Sequence[int] | None = None, stats: RunStats | None = None
) -> RunStats:
    """Take unfinished items through their story, in whatever process this is."""
    stats = stats or RunStats()
    async for batch in Intake(story.scenario, stats, reject=lambda _: None).resumed(BATCH, ids):
        await story.fulfil(batch)
    return stats


def told_life(told: ItemHistory) -> Listing:
    """An item's life for people to read."""
    table = [
        {"event": row.event, "to": row.target, "fence": str(row.fence), "detail": row.detail or ""}
        for row in told.history
    ]
    lines = [f"{row.agent}: {row.status} {row.output or row.error or ''}" for row in told.steps]
    lines += [f"effect {row.key}: {row.status}" for row in told.effects]
    if (letter := told.letter) is not None:
        lines.append(f"dead letter ({letter.status}) at {letter.agent}: {letter.error}")
    lines.append(f"trace {told.item.trace}, body: {told.item.body}")
    title = f"{told.item.scenario} {told.item.key}: {told.item.outcome or told.item.state}"
    return Listing(title=title, table=table, lines=[redacted(line) for line in lines])

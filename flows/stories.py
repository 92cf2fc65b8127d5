"""Which story finishes the items of which scenario, for whatever takes up work that others began."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.analysis.scenario import PARTITIONS
from agents.orders.compare import differences
from agents.orders.notify_customer import notify_customer
from agents.orders.scenario import CHANGES, ORDERS
from agents.runtime.batch import Batch, Scenario
from agents.runtime.comparing import Difference, Ledger
from agents.runtime.intake import Intake
from agents.runtime.journal import Journal, open_journal
from agents.runtime.journal.inquiries import Life, life
from agents.runtime.journal.interventions import Act, UnknownItem
from agents.runtime.redaction import redacted
from agents.runtime.settings import settings
from agents.runtime.tally import Tally
from agents.runtime.task import Agent
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
    differences: Callable[[Ledger], AsyncIterator[Difference]] | None


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


async def see_through(act: Act, deed: Callable[[Journal], Awaitable[Any]]) -> Listing:
    """Do it, then take the item through its story, so that its end can be told."""
    async with open_journal(settings()) as journal, connect_services(settings()):
        await deed(journal)
        told = await life(journal, act.scenario, act.key)
        if told is not None:
            await finish(STORIES[act.scenario], [told.item.id])
        told = await life(journal, act.scenario, act.key)
    if told is None:
        raise UnknownItem(act.scenario, act.key)
    return Listing(title=f"{act.scenario} {act.key}: {told.item.outcome or told.item.state}")


async def finish(
    story: Story, ids: Sequence[int] | None = None, tally: Tally | None = None
) -> Tally:
    """Take unfinished items through their story, in whatever process this is."""
    tally = tally or Tally()
    async for batch in Intake(story.scenario, tally, reject=lambda _: None).resumed(BATCH, ids):
        await story.fulfil(batch)
    return tally


def told_life(told: Life) -> Listing:
    """An item's life for people to read."""
    table = [
        {"event": row.event, "to": row.target, "fence": str(row.fence), "detail": row.detail or ""}
        for row in told.history
    ]
    lines = [f"{row.agent}: {row.status} {row.output or row.error or ''}" for row in told.stages]
    lines += [f"effect {row.key}: {row.status}" for row in told.effects]
    if (letter := told.letter) is not None:
        lines.append(f"dead letter ({letter.status}) at {letter.agent}: {letter.error}")
    lines.append(f"trace {told.item.trace}, body: {told.item.body}")
    title = f"{told.item.scenario} {told.item.key}: {told.item.outcome or told.item.state}"
    return Listing(title=title, table=table, lines=[redacted(line) for line in lines])

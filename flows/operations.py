"""Operations: what people and schedules do about work that is unfinished, waits or cannot go on.

Each is a flow, so it runs from the Prefect UI, by a schedule, or by `python -m flows.operations`.
"""

import asyncio
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from agents.runtime import reconciler
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import Journal, open_journal, pruning
from agents.runtime.journal import interventions as people
from agents.runtime.journal.inquiries import letters, life, waiting
from agents.runtime.journal.interventions import Act, UnknownItem
from agents.runtime.lifecycle import Event
from agents.runtime.settings import settings
from agents.runtime.tally import Tally
from agents.services import connect_services
from flows.parameters import Body, By, Reason, ScenarioName
from flows.stories import STORIES, Listing, finish, see_through, shown, told_life
from flows.terminal import commands

HOUR = 3600.0
DAY = 24 * HOUR


@flow(name="reconcile", persist_result=False)
async def reconcile(
    escalate_after_hours: Annotated[float, Field(ge=0)] = 24.0,
    reject_after_hours: Annotated[float, Field(ge=0)] = 72.0,
    letter_limit_hours: Annotated[float, Field(ge=0)] = 24.0,
) -> Listing:
    """Finish what nobody works on, send what was not sent, and call people where they are needed.

    Args:
        escalate_after_hours: An item waiting longer for a decision is escalated.
        reject_after_hours: An item escalated so long ago is rejected by time-out.
        letter_limit_hours: A dead letter older than this raises an alert.

    """
    async with open_journal(settings()) as journal, connect_services(settings()):
        table = []
        for name, story in STORIES.items():
            overdue = await reconciler.time_is_up(
                journal, name, escalate_after_hours * HOUR, reject_after_hours * HOUR
            )
            finished = await finish(story)
            sent = await reconciler.deliver_left_behind(journal, story.scenario, story.notify)
            old = await letters(journal, name, older_than=letter_limit_hours * HOUR)
            reconciler.alert(name, old)
            done = dict(finished.outcomes) | overdue | {"messages": sent, "old letters": len(old)}
            table += [
                {"scenario": name, "what": w, "items": f"{n:,}"} for w, n in done.items() if n
            ]
        crashed = await reconciler.sweep_owners(journal)
    if crashed:
        table.append(
            {"scenario": "-", "what": "flow runs of dead processes", "items": str(crashed)}
        )
    return await shown("reconcile", Listing(title="reconciled", table=table))


@flow(name="dead-letters", persist_result=False)
async def dead_letters(
    scenario: ScenarioName = "orders",
    agent: str | None = None,
    older_than_hours: Annotated[float, Field(ge=0)] = 0.0,
    most: Annotated[int, Field(ge=1, le=10_000)] = 100,
) -> Listing:
    """List the dead letters, the oldest first.

    Args:
        scenario: Whose.
        agent: Only those that died at this agent.
        older_than_hours: Only those that are older.
        most: At most so many.

    """
    async with open_journal(settings()) as journal:
        found = await letters(
            journal, scenario, agent=agent, older_than=older_than_hours * HOUR, most=most
        )
    table = [
        {
            "item": row.key,
            "agent": row.agent,
            "state": row.state,
            "error": row.error,
            "attempts": str(row.attempts),
            "times": str(row.count),
            "hours": f"{row.age / HOUR:.1f}",
        }
        for row in found
    ]
    return await shown("dead-letters", Listing(title=f"{len(table)} dead letters", table=table))


@flow(name="waiting", persist_result=False)
async def waiting_items(scenario: ScenarioName = "orders") -> Listing:
    """List the items that wait for a person, the longest first.

    Args:
        scenario: Whose.

    """
    async with open_journal(settings()) as journal:
        found = await waiting(journal, scenario)
    table = [
        {"item": row.key, "asks": row.reason or "", "hours": f"{row.age / HOUR:.1f}"}
        for row in found
    ]
    return await shown("waiting", Listing(title=f"{len(table)} items wait", table=table))


@flow(name="show", persist_result=False)
async def show_item(key: str, scenario: ScenarioName = "orders") -> Listing:
    """Show the whole life of one item.

    Args:
        key: The item's key, such as the order's id.
        scenario: Whose.

    """
    async with open_journal(settings()) as journal:
        told = await life(journal, scenario, key)
    if told is None:
        raise UnknownItem(scenario, key)
    return await shown("show", told_life(told))


@flow(name="decide", persist_result=False)
async def decide(
    key: str,
    verdict: Literal["approve", "reject"],
    by: By,
    reason: Reason,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Approve or reject an item that waits, and see it through.

    Args:
        key: The item's key, such as the order's id.
        verdict: What you decide.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    act = Act(scenario, key, by, reason)
    return await see_through(
        act, lambda journal: people.decide(journal, act, approved=verdict == "approve")
    )


@flow(name="cancel", persist_result=False)
async def cancel(key: str, by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Cancel an item: before its next effect, and with compensation of what was done.

    Args:
        key: The item's key, such as the order's id.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    act = Act(scenario, key, by, reason)
    return await see_through(act, lambda journal: people.cancel(journal, act))


@flow(name="mend", persist_result=False)
async def mend(
    key: str, body: Body, by: By, reason: Reason, scenario: ScenarioName = "orders"
) -> Listing:
    """Give a dead letter a corrected body; replay it afterwards.

    Args:
        key: The item's key; it must stay the key of the new body.
        body: The whole item as it should have been, as JSON.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    act = Act(scenario, key, by, reason)
    async with open_journal(settings()) as journal:
        await people.mend(journal, act, *STORIES[scenario].scenario.checked(key, body))
    return Listing(title=f"{scenario} {key} is mended: replay it to let it go on")


@flow(name="replay", persist_result=False)
async def replay(  # noqa: PLR0913 - what to replay, how fast, and who says so
    by: By,
    reason: Reason,
    keys: list[str] | None = None,
    agent: str | None = None,
    per_minute: Annotated[int, Field(ge=1, le=6_000)] = 600,
    scenario: ScenarioName = "orders",
) -> Listing:
    """Let dead letters go on where they stopped; twice is once.

    Args:
        by: Who you are.
        reason: Why now.
        keys: These items; without them, all dead letters.
        agent: Only those that died at this agent.
        per_minute: At most so many a minute.
        scenario: Whose.

    """
    story = STORIES[scenario]
    tally = Tally()
    async with open_journal(settings()) as journal, connect_services(settings()):
        for key, item in await _dead(journal, scenario, agent, keys):
            if await people.replay(journal, Act(scenario, key, by, reason)):
                await finish(story, [item], tally)
                await asyncio.sleep(60 / per_minute)
    table = [{"outcome": word, "items": str(n)} for word, n in tally.outcomes.items()]
    return await shown("replay", Listing(title=f"{tally.done} replayed", table=table))


async def _dead(
    journal: Journal, scenario: str, agent: str | None, keys: list[str] | None
) -> list[tuple[str, int]]:
    """Key and id of the dead letters meant, the oldest first; all keys are looked at beforehand.

    Raises UnknownItem and IllegalTransition for a key that is none of a dead letter.
    """
    if keys is None:
        found = await letters(journal, scenario, agent=agent, most=10_000)
        return [(row.key, row.id) for row in found]
    meant = []
    for key in keys:
        told = await life(journal, scenario, key)
        if told is None:
            raise UnknownItem(scenario, key)
        if told.letter is None or told.letter.status == "discarded":
            raise IllegalTransition(key, told.item.state, Event.REPLAY)
        if agent in {None, told.letter.agent}:
            meant.append((told.letter.at, key, told.item.id))
    return [(key, item) for _, key, item in sorted(meant)]


@flow(name="discard", persist_result=False)
async def discard(key: str, by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """End a dead letter for good; what it did to the world stays as it is.

    Args:
        key: The item's key, such as the order's id.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    act = Act(scenario, key, by, reason)
    async with open_journal(settings()) as journal:
        await people.discard(journal, act)
    return Listing(title=f"{scenario} {key} is discarded")


@flow(name="prune", persist_result=False)
async def prune(older_than_days: Annotated[float, Field(gt=0)] = 90.0) -> Listing:
    """Forget items that ended long ago, but for the row by which they are recognised.

    Args:
        older_than_days: What ended before that; never less than senders may repeat themselves.

    """
    async with open_journal(settings()) as journal:
        table = [
            {
                "scenario": name,
                "items": f"{await pruning.prune(journal, name, older_than_days * DAY):,}",
            }
            for name in STORIES
        ]
    return await shown("prune", Listing(title="pruned", table=table))


if __name__ == "__main__":
    commands(
        "flows.operations",
        *(reconcile, dead_letters, waiting_items, show_item),
        *(decide, cancel, mend, replay, discard),
        prune,
    )

"""Interventions: what people do to single items. Each is a flow, for the UI and for the terminal.

`python -m flows.operations` has them as commands.
"""

import asyncio
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import Journal
from agents.runtime.journal import operator_actions as dead_letters
from agents.runtime.journal import operator_actions as people
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem
from agents.runtime.journal.queries import item_history, letters
from agents.runtime.model.batch import RunStats
from agents.runtime.model.lifecycle import Event
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.parameters import Body, By, Reason, ScenarioName
from flows.cli.reports import Listing, shown
from flows.operations.resume import act_and_resume, finish
from flows.workflows import WORKFLOWS


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
    action = OperatorAction(scenario, key, by, reason)
    return await act_and_resume(
        action, lambda journal: people.decide(journal, action, approved=verdict == "approve")
    )


@flow(name="edit", persist_result=False)
async def edit(
    key: str, body: Body, by: By, reason: Reason, scenario: ScenarioName = "orders"
) -> Listing:
    """Give an item that waits another body, so that it is looked at anew, and see it through.

    Args:
        key: The item's key; it must stay the key of the new body.
        body: The whole item as it should be, as JSON.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    action = OperatorAction(scenario, key, by, reason)
    correction = WORKFLOWS[scenario].scenario.checked(key, body)
    return await act_and_resume(action, lambda journal: people.edit(journal, action, correction))


@flow(name="restart", persist_result=False)
async def restart(
    key: str, at: str, by: By, reason: Reason, scenario: ScenarioName = "orders"
) -> Listing:
    """Start a dead letter, or an item that waits, again at an agent, and see it through.

    Effects that happened are kept, since they happen once: cancel an item to undo them.

    Args:
        key: The item's key, such as the order's id.
        at: The agent, such as book_shipment; the item must have been there.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    action = OperatorAction(scenario, key, by, reason)
    return await act_and_resume(action, lambda journal: dead_letters.restart(journal, action, at))


@flow(name="cancel", persist_result=False)
async def cancel(key: str, by: By, reason: Reason, scenario: ScenarioName = "orders") -> Listing:
    """Cancel an item, also a dead letter: before its next effect, and what was done is undone.

    Args:
        key: The item's key, such as the order's id.
        by: Who you are.
        reason: Why.
        scenario: Whose.

    """
    action = OperatorAction(scenario, key, by, reason)
    return await act_and_resume(action, lambda journal: people.cancel(journal, action))


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
    action = OperatorAction(scenario, key, by, reason)
    async with open_runtime(settings()) as opened:
        await dead_letters.mend(
            opened.journal, action, WORKFLOWS[scenario].scenario.checked(key, body)
        )
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
    workflow = WORKFLOWS[scenario]
    stats = RunStats()
    async with open_runtime(settings()) as opened, connect_services(settings()):
        for key, item in await _dead(opened.journal, scenario, agent, keys):
            if await dead_letters.replay(opened.journal, OperatorAction(scenario, key, by, reason)):
                await finish(workflow, [item], stats)
                await asyncio.sleep(60 / per_minute)
    table = [{"outcome": word, "items": str(n)} for word, n in stats.outcomes.items()]
    return await shown("replay", Listing(title=f"{stats.done} replayed", table=table))


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
        told = await item_history(journal, scenario, key)
        if told is None:
            raise UnknownItem(scenario, key)
        if told.letter is None or told.letter.status in {"discarded", "cancelled"}:
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
    action = OperatorAction(scenario, key, by, reason)
    async with open_runtime(settings()) as opened:
        await dead_letters.discard(opened.journal, action)
    return Listing(title=f"{scenario} {key} is discarded")

"""Single items as the journal has them: dead letters, what waits for a person, and one item's history."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal.operator_actions import UnknownItem
from agents.runtime.journal.queries import item_history, letters, waiting
from agents.runtime.settings import settings
from flows.cli.parameters import ScenarioName
from flows.cli.reports import Listing, item_report, shown

HOUR = 3600.0


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
    async with open_runtime(settings()) as opened:
        found = await letters(
            opened.journal, scenario, agent=agent, older_than=older_than_hours * HOUR, most=most
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
    async with open_runtime(settings()) as opened:
        found = await waiting(opened.journal, scenario)
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
    async with open_runtime(settings()) as opened:
        told = await item_history(opened.journal, scenario, key)
    if told is None:
        raise UnknownItem(scenario, key)
    return await shown("show", item_report(told))
